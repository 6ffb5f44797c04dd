"""Confirmations in PostgreSQL; the rules about races are in its functions, the clock is the database's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg

from focal_kernel import ids
from focal_toolbox import errors
from focal_toolbox.adapters.reaching import away
from focal_toolbox.domain.confirmation import (
    Approver,
    Claim,
    Confirmation,
    Filter,
    Question,
    Reply,
    Standing,
)

_USE = """
    SELECT (used).* FROM effects.use_confirmations($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) used
"""

_ANSWER = "SELECT outcome, (confirmation).* FROM effects.answer_confirmation($1, $2, $3, $4, $5, $6, $7, $8)"

_LAPSED = "state IN ('ASKED', 'ACCEPTED') AND expires_at <= clock_timestamp()"

_PAGE = f"""
    SELECT * FROM (
        SELECT *, CASE WHEN {_LAPSED} THEN 'EXPIRED' ELSE state END AS standing FROM effects.confirmations
        WHERE tenant_id = $1 AND ($2 = '' OR session_id = $2) AND ($4::bigint IS NULL OR position < $4)
    ) found
    WHERE $3 = '' OR standing = $3
    ORDER BY position DESC LIMIT $5
"""  # noqa: S608 - the inserted text is ours


class PostgresConfirmations:
    """The Confirmations of a deployment."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def use(self, claim: Claim, questions: Sequence[Question]) -> Confirmation | None:
        row = await self._one(
            _USE,
            claim.tenant_id,
            claim.session_id,
            claim.turn_group_id,
            claim.tool_name,
            claim.arguments_hash,
            claim.arguments_json,
            claim.used_by,
            *columns(questions),
        )
        return None if row is None or row["confirmation_id"] is None else from_row(row)

    async def answer(self, reply: Reply) -> Confirmation:
        row = await self._one(
            _ANSWER,
            reply.tenant_id,
            reply.session_id,
            reply.confirmation_id,
            reply.accepted,
            reply.approver.value,
            reply.answered_by,
            reply.request_id,
            reply.turn_group_id,
        )
        match row["outcome"]:
            case "NOT_FOUND":
                raise errors.ConfirmationNotFound(reply.confirmation_id)
            case "FOREIGN":
                raise errors.ForeignAttempt(f"an answer of the {row['approver'].lower()}")
            case "REUSED":
                raise errors.RequestIdReused
            case "EXPIRED":
                raise errors.ConfirmationExpired(reply.confirmation_id)
            case "CLOSED":
                raise errors.ConfirmationClosed(reply.confirmation_id, row["state"])
        return from_row(row)

    async def page(self, matching: Filter) -> Sequence[Confirmation]:
        state = matching.state.value if matching.state else ""
        with away():
            rows = await self._pool.fetch(
                _PAGE, matching.tenant_id, matching.session_id, state, matching.before, matching.limit
            )
        return [from_row(row, row["standing"]) for row in rows]

    async def _one(self, statement: str, *values: object) -> Any:
        with away():
            return await self._pool.fetchrow(statement, *values)


def columns(questions: Sequence[Question]) -> tuple[list[Any], ...]:
    """Questions as the functions take them: new ids, approvers, prompts and times to live."""
    return (
        [ids.new_id("cnf") for _ in questions],
        [question.approver.value for question in questions],
        [question.prompt for question in questions],
        [timedelta(seconds=question.ttl_s) for question in questions],
    )


def from_row(row: Any, state: str = "") -> Confirmation:
    """A stored confirmation; `state` as it stands by now, where that was looked up."""
    return Confirmation(
        confirmation_id=row["confirmation_id"],
        position=row["position"],
        tenant_id=row["tenant_id"],
        session_id=row["session_id"],
        tool_name=row["tool_name"],
        arguments_json=row["arguments_json"],
        prompt=row["prompt"],
        approver=Approver(row["approver"]),
        state=Standing(state or row["state"]),
        asked_at=row["asked_at"],
        expires_at=row["expires_at"],
        answered_at=row["answered_at"],
        answered_by=row["answered_by"],
        used_by=row["used_by"],
    )
