"""Reports and follow-up turns in PostgreSQL, beside the ledger; the rules are in its functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from focal_toolbox.adapters import rows
from focal_toolbox.domain.effect import Effect
from focal_toolbox.domain.report import FollowUp, Report, Share

_ACCEPT = "SELECT * FROM effects.accept($1, $2, $3, $4, $5)"
_WAIT = "SELECT effects.await_report($1, $2, $3, $4)"
_TAKE = "SELECT share, (effect).* FROM effects.take_report($1, $2)"
_REPORT = "SELECT * FROM effects.report_result($1, $2, $3, $4, $5)"
_DOUBT = "SELECT effects.doubt_unreported($1) AS changed"
_CLAIM = "SELECT attempts AS tries, (effect).* FROM effects.claim_follow_ups($1, $2, $3)"
_DONE = "DELETE FROM effects.follow_ups WHERE effect_id = $1"
_AGAIN = """
    UPDATE effects.follow_ups SET claimed_until = clock_timestamp(), due_at = clock_timestamp() + $2
    WHERE effect_id = $1
"""
_WAITING = "SELECT count(*) AS waiting FROM effects.follow_ups"


class PostgresReports:
    """The Reports and the FollowUps of one process. `lease_s` is as in the ledger; tokens are forgotten
    `kept_s` seconds after they lapsed.
    """

    def __init__(self, pool: asyncpg.Pool, instance_id: str, lease_s: float, kept_s: float) -> None:
        self._pool = pool
        self._instance_id = instance_id
        self._lease = timedelta(seconds=lease_s)
        self._kept = timedelta(seconds=kept_s)

    async def accept(self, effect: Effect, more_requests: int, awaited_s: float) -> Effect:
        wait = timedelta(seconds=awaited_s)
        key = (effect.tenant_id, effect.effect_id, effect.reservation_id)
        row = await rows.one(self._pool, _ACCEPT, *key, more_requests, wait)
        return rows.effect(row)

    async def wait(self, effect: Effect, awaited_s: float) -> None:
        wait = timedelta(seconds=awaited_s)
        await rows.one(self._pool, _WAIT, effect.tenant_id, effect.effect_id, self._instance_id, wait)

    async def take(self, effect: Effect) -> tuple[Share, Effect]:
        row = await rows.one(self._pool, _TAKE, effect.tenant_id, effect.effect_id)
        return Share(row["share"]), rows.effect(row)

    async def report(self, token_hash: str, report: Report) -> Effect | None:
        content = (report.state.value, report.result_json, report.error_reason)
        row = await rows.one(self._pool, _REPORT, token_hash, report.digest, *content)
        return None if row is None else rows.effect(row)

    async def doubt_unreported(self) -> int:
        row = await rows.one(self._pool, _DOUBT, self._kept)
        return int(row["changed"])

    async def claim(self, limit: int, claim_s: float) -> Sequence[FollowUp]:
        found = await rows.every(self._pool, _CLAIM, limit, timedelta(seconds=claim_s), self._lease)
        return [FollowUp(rows.effect(row), row["tries"]) for row in found]

    async def done(self, effect_id: str) -> None:
        await rows.one(self._pool, _DONE, effect_id)

    async def again(self, effect_id: str, after_s: float) -> None:
        await rows.one(self._pool, _AGAIN, effect_id, timedelta(seconds=after_s))

    async def waiting(self) -> int:
        row = await rows.one(self._pool, _WAITING)
        return int(row["waiting"])
