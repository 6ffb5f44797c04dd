"""The effect ledger in PostgreSQL; the rules about races are in its functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg

from focal_toolbox.adapters import postgres_confirmations, rows
from focal_toolbox.adapters.rows import effect as _effect
from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.effect import Effect, Outcome, Query, Reservation, State, Wish

_RESERVE = """
    SELECT outcome, fence, (effect).*
    FROM effects.reserve($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""

_RESERVE_COMPENSATION = """
    SELECT outcome, fence, (effect).*
    FROM effects.reserve_compensation(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""

_RESERVE_CONFIRMED = """
    SELECT outcome, fence, (effect).*, confirmation
    FROM effects.reserve_confirmed(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
        $23)
"""

# The token stands in the ledger before the request leaves, in the same round trip.
_HANDING_OVER = """
    WITH reserved AS ({reserve}), token AS (
        INSERT INTO effects.result_tokens (
            token_hash, tenant_id, effect_id, reservation_id, awaited_by, awaited_until, expires_at
        ) SELECT {token}, r.tenant_id, r.effect_id, r.reservation_id, $15, now() + {awaited}, now() + {within}
        FROM reserved r WHERE r.outcome = 'RESERVED'
    ) SELECT * FROM reserved
"""

_CONCLUDE = "SELECT * FROM effects.conclude($1, $2, $3, $4, $5, $6, $7)"

_FIND = "SELECT * FROM effects.effects WHERE tenant_id = $1 AND effect_id = $2"

_OF_KEY = "SELECT * FROM effects.effects WHERE tenant_id = $1 AND effect_key = $2"

_OF_GROUP = """
    SELECT * FROM effects.effects
    WHERE tenant_id = $1 AND session_id = $2 AND turn_group_id = $3 AND compensates = ''
    ORDER BY prepared_at, position
"""

_PAGE = """
    SELECT * FROM effects.effects
    WHERE tenant_id = $1 AND ($2 = '' OR session_id = $2) AND ($3 = '' OR state = $3)
        AND ($4::bigint IS NULL OR position < $4)
    ORDER BY position DESC LIMIT $5
"""


class PostgresLedger:
    """Ledger of one process; `instance_id` names the process whose heartbeat vouches for its
    reservations, `lease_s` is the age in seconds at which a heartbeat stops doing so."""

    def __init__(self, pool: asyncpg.Pool, instance_id: str, lease_s: float) -> None:
        self.instance_id = instance_id
        self._pool = pool
        self._lease = timedelta(seconds=lease_s)

    async def reserve(self, wish: Wish) -> Reservation:
        statement, more = _reserving(wish)
        row = await self._one(
            statement,
            wish.effect_id,
            wish.reservation_id,
            wish.tenant_id,
            wish.effect_key,
            wish.business_key,
            wish.tool_name,
            wish.policy.value,
            wish.session_id,
            wish.turn_group_id,
            wish.turn_id,
            wish.epoch,
            wish.arguments_json,
            wish.agent_id,
            wish.config_version,
            self.instance_id,
            self._lease,
            *more,
        )
        found = _effect(row) if row["effect_id"] is not None else None
        asked = row.get("confirmation")
        missing = postgres_confirmations.from_row(asked) if asked is not None else None
        return Reservation(Outcome(row["outcome"]), row["fence"], found, missing)

    async def release(self, wish: Wish) -> None:
        key = (wish.tenant_id, wish.effect_key, wish.reservation_id)
        await self._one(_CONCLUDE, *key, State.FAILED.value, "", "not_sent", 0)

    async def conclude(self, effect: Effect, state: State, answer: Answer, more_requests: int) -> Effect:
        row = await self._one(
            _CONCLUDE,
            effect.tenant_id,
            effect.effect_key,
            effect.reservation_id,
            state.value,
            answer.result_json,
            answer.reason,
            more_requests,
        )
        if row is not None:
            return rows.effect(row)
        return await self.find(effect.tenant_id, effect.effect_id) or effect

    async def find(self, tenant_id: str, effect_id: str) -> Effect | None:
        row = await self._one(_FIND, tenant_id, effect_id)
        return None if row is None else rows.effect(row)

    async def of_key(self, tenant_id: str, effect_key: str) -> Effect | None:
        row = await self._one(_OF_KEY, tenant_id, effect_key)
        return None if row is None else _effect(row)

    async def fence(self, tenant_id: str, session_id: str, epoch: int) -> int:
        row = await self._one(
            "SELECT effects.fence_session($1, $2, $3, $4) AS epoch",
            tenant_id,
            session_id,
            epoch,
            self._lease,
        )
        return int(row["epoch"])

    async def of_group(self, tenant_id: str, session_id: str, turn_group_id: str) -> Sequence[Effect]:
        found = await self._all(_OF_GROUP, tenant_id, session_id, turn_group_id)
        return [rows.effect(row) for row in found]

    async def page(self, query: Query) -> Sequence[Effect]:
        state = query.state.value if query.state else ""
        found = await self._all(_PAGE, query.tenant_id, query.session_id, state, query.before, query.limit)
        return [rows.effect(row) for row in found]

    async def doubt_orphans(self) -> int:
        row = await self._one("SELECT effects.doubt_orphans($1) AS changed", self._lease)
        return int(row["changed"])

    async def _one(self, statement: str, *values: object) -> Any:
        return await rows.one(self._pool, statement, *values)

    async def _all(self, statement: str, *values: object) -> Sequence[Any]:
        return await rows.every(self._pool, statement, *values)


def _reserving(wish: Wish) -> tuple[str, tuple[object, ...]]:
    """The statement that reserves, and what it takes beyond the effect itself."""
    statement, more = _confirmed(wish)
    if not wish.token_hash:
        return statement, more
    first = 17 + len(more)
    handing_over = _HANDING_OVER.format(
        reserve=statement,
        token=f"${first}",
        awaited=f"${first + 1}::interval",
        within=f"${first + 2}::interval",
    )
    times = (timedelta(seconds=wish.awaited_s), timedelta(seconds=wish.report_within_s))
    return handing_over, (*more, wish.token_hash, *times)


def _confirmed(wish: Wish) -> tuple[str, tuple[object, ...]]:
    """The same without the token."""
    if wish.questions:
        columns = postgres_confirmations.columns(wish.questions)
        return _RESERVE_CONFIRMED, (wish.compensates, wish.arguments_hash, *columns, wish.max_calls)
    if wish.compensates:
        return _RESERVE_COMPENSATION, (wish.compensates,)
    return _RESERVE, (wish.max_calls,)
