"""Statements on the schema `effects`, and its rows as the domain knows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from focal_toolbox.adapters.reaching import away
from focal_toolbox.domain.effect import Effect, Resolution, State
from focal_toolbox.domain.policy import Policy


async def one(pool: asyncpg.Pool, statement: str, *values: object) -> Any:
    """The first row of a statement, None without one; Unavailable while the database is away."""
    with away():
        return await pool.fetchrow(statement, *values)


async def every(pool: asyncpg.Pool, statement: str, *values: object) -> Sequence[Any]:
    """All rows of a statement; Unavailable while the database is away."""
    with away():
        return await pool.fetch(statement, *values)


def effect(row: Any) -> Effect:
    """One row of `effects.effects`."""
    return Effect(
        effect_id=row["effect_id"],
        position=row["position"],
        tenant_id=row["tenant_id"],
        effect_key=row["effect_key"],
        business_key=row["business_key"],
        tool_name=row["tool_name"],
        policy=Policy(row["policy"]),
        state=State(row["state"]),
        session_id=row["session_id"],
        turn_group_id=row["turn_group_id"],
        turn_id=row["turn_id"],
        epoch=row["epoch"],
        arguments_json=row["arguments_json"],
        result_json=row["result_json"],
        error_reason=row["error_reason"],
        attempts=row["attempts"],
        reservation_id=row["reservation_id"],
        prepared_at=row["prepared_at"],
        updated_at=row["updated_at"],
        agent_id=row["agent_id"],
        config_version=row["config_version"],
        compensates=row["compensates"],
        resolution=None if row["resolved_at"] is None else resolution(row),
        checks=row["checks"],
    )


def resolution(row: Any) -> Resolution:
    """What a row of effects or of resolutions says about a doubt."""
    return Resolution(
        State(row["state"]), row["resolved_by"], row["check_tool"], row["resolution"], row["resolved_at"]
    )
