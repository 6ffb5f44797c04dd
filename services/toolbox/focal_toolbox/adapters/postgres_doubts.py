"""Effects in doubt in PostgreSQL; the rules about races are in its functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from focal_toolbox.adapters import rows
from focal_toolbox.domain.doubt import Ruling, Statement
from focal_toolbox.domain.effect import Effect, Resolution

_DUE = "SELECT * FROM effects.claim_checks($1, $2, $3, $4, $5)"

_TAKE = """
    UPDATE effects.effects SET checking_until = clock_timestamp() + $3
    WHERE tenant_id = $1 AND effect_id = $2 AND state = 'IN_DOUBT' AND checking_until <= clock_timestamp()
    RETURNING true
"""

_PUT_OFF = """
    UPDATE effects.effects SET checking_until = '-infinity',
        check_at = CASE WHEN $4 THEN 'infinity' ELSE check_at END
    WHERE tenant_id = $1 AND effect_id = $2 AND reservation_id = $3
"""

_HOLD_BACK = """
    UPDATE effects.effects SET checking_until = '-infinity', checks = checks - 1,
        check_at = CASE WHEN $4 > interval '0' THEN clock_timestamp() + $4 ELSE check_at END
    WHERE tenant_id = $1 AND effect_id = $2 AND reservation_id = $3
"""

_STATE = """
    SELECT outcome, (effect).*
    FROM effects.resolve($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

_SAID = """
    SELECT * FROM effects.resolutions WHERE tenant_id = $1 AND effect_id = $2 ORDER BY position DESC LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the background asks about one effect, about how many at once, and with which pauses in
    seconds; after `hold_s` seconds a question counts as lost and others may ask.
    """

    tries: int
    at_once: int
    first_pause_s: float
    longest_pause_s: float
    hold_s: float


class PostgresDoubts:
    """`ports.Doubts`; `lease_s` is the age in seconds at which a heartbeat stops to vouch for its process.
    With `follow_up` the end of a doubt that a caller was told of opens a turn.
    """

    def __init__(self, pool: asyncpg.Pool, pace: Pace, lease_s: float, *, follow_up: bool) -> None:
        self._pool = pool
        self._follow_up = follow_up
        self._pace = pace
        self._hold = timedelta(seconds=pace.hold_s)
        self._lease = timedelta(seconds=lease_s)

    async def due(self) -> Sequence[Effect]:
        pauses = timedelta(seconds=self._pace.first_pause_s), timedelta(seconds=self._pace.longest_pause_s)
        found = await rows.every(self._pool, _DUE, self._pace.at_once, self._pace.tries, *pauses, self._hold)
        return [rows.effect(row) for row in found]

    async def take(self, tenant_id: str, effect_id: str) -> bool:
        return await rows.one(self._pool, _TAKE, tenant_id, effect_id, self._hold) is not None

    async def put_off(self, effect: Effect, *, for_good: bool = False) -> None:
        await rows.one(self._pool, _PUT_OFF, *_key(effect), for_good)

    async def hold_back(self, effect: Effect, after_s: float) -> None:
        await rows.one(self._pool, _HOLD_BACK, *_key(effect), timedelta(seconds=after_s))

    async def state(self, statement: Statement) -> tuple[Ruling, Effect | None]:
        row = await rows.one(
            self._pool,
            _STATE,
            statement.tenant_id,
            statement.effect_id,
            statement.reservation_id,
            statement.state.value,
            statement.result_json,
            statement.error_reason,
            statement.resolved_by,
            statement.check_tool,
            statement.reason,
            statement.request_id,
            statement.content_hash,
            None if statement.quiet_s is None else timedelta(seconds=statement.quiet_s),
            self._lease,
            self._follow_up,
        )
        return Ruling(row["outcome"]), None if row["effect_id"] is None else rows.effect(row)

    async def said(self, tenant_id: str, effect_id: str, limit: int) -> Sequence[Resolution]:
        found = await rows.every(self._pool, _SAID, tenant_id, effect_id, limit)
        return [rows.resolution(row) for row in found]


def _key(effect: Effect) -> tuple[str, str, str]:
    """Of one reservation of an effect."""
    return effect.tenant_id, effect.effect_id, effect.reservation_id
