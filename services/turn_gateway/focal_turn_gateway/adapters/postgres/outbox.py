"""The outbox table: rows are claimed per destination, the oldest of each session first.

A row whose destination knows keys stays PENDING until it is delivered. One for a destination without keys is
SENDING from before its first byte left until its end is noted; whoever finds it so later finds a doubt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta

import asyncpg

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.deliveries import DeliveryState
from focal_turn_gateway.ports.delivery import ClaimedRow

_CLAIM_SOME = """
UPDATE turns.outbox o SET claimed_until = clock_timestamp() + $3, attempts = attempts + 1
WHERE o.outbox_id IN (
  SELECT c.outbox_id FROM turns.outbox c
  WHERE c.destination = $1 AND c.state = 'PENDING' AND c.next_attempt_at <= clock_timestamp()
    AND (c.claimed_until IS NULL OR c.claimed_until < clock_timestamp())
    AND NOT EXISTS (SELECT 1 FROM turns.outbox p
                    WHERE p.destination = c.destination AND p.state IN ('PENDING', 'SENDING')
                    AND p.session_id = c.session_id AND p.outbox_id < c.outbox_id)
    {further}
  ORDER BY c.outbox_id LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING outbox_id, tenant_id, session_id, dedupe_key, payload, attempts - forgiven AS attempts, created_at,
  attempts AS claim
"""
_CLAIM = _CLAIM_SOME.format(further="")
_CLAIM_NAMED = _CLAIM_SOME.format(further="AND c.payload->>'callback' = $4")
_DELIVERED = """
UPDATE turns.outbox SET state = 'DELIVERED', delivered_at = clock_timestamp(), claimed_until = NULL
WHERE outbox_id = ANY($1) AND state = 'PENDING'
"""
_POSTPONE = """
UPDATE turns.outbox SET next_attempt_at = clock_timestamp() + $2, claimed_until = NULL
WHERE outbox_id = ANY($1) AND state = 'PENDING'
"""
_BEGIN = "SELECT turns.begin_delivery($1, $2, $3)"
_RETURN = """
UPDATE turns.outbox SET state = 'PENDING', reason = $3, next_attempt_at = clock_timestamp() + $4,
  claimed_until = NULL
WHERE outbox_id = $1 AND attempts = $2 AND state IN ('PENDING', 'SENDING')
"""
_SETTLE = "SELECT turns.settle_delivery($1, $2, $3, $4)"
_DOUBT_LOST = "SELECT turns.doubt_lost_deliveries($1, $2)"
_DOUBTED_AT_ONCE = 100


class PostgresOutbox:
    """`ports.Outbox` on the schema `turns`; a claim lapses by itself when its process dies."""

    def __init__(self, pool: asyncpg.Pool, claim_s: float) -> None:
        self._pool = pool
        self._claim = timedelta(seconds=claim_s)

    async def claim(self, destination: str, limit: int) -> list[ClaimedRow]:
        """Take the oldest row of each session for this process."""
        with failures.translated():
            rows = await self._pool.fetch(_CLAIM, destination, limit, self._claim)
        return _claimed(rows)

    async def delivered(self, outbox_ids: Sequence[int]) -> None:
        """The destination took them."""
        with failures.translated():
            await self._pool.execute(_DELIVERED, list(outbox_ids))

    async def postpone(self, outbox_ids: Sequence[int], seconds: float) -> None:
        """Try again later."""
        with failures.translated():
            await self._pool.execute(_POSTPONE, list(outbox_ids), timedelta(seconds=seconds))

    async def give_up(self, row: ClaimedRow, reason: str) -> None:
        """The destination will never take it."""
        with failures.translated():
            await self._pool.execute(_SETTLE, row.outbox_id, row.claim, DeliveryState.FAILED.value, reason)


class PostgresKeylessOutbox:
    """`ports.KeylessOutbox` on the rows of one destination; a claim lapses after `claim_s` seconds."""

    def __init__(self, pool: asyncpg.Pool, destination: str, claim_s: float) -> None:
        self._pool = pool
        self._destination = destination
        self._claim = timedelta(seconds=claim_s)

    async def claim(self, name: str, limit: int) -> list[ClaimedRow]:
        """Take the oldest row of each session for this process."""
        with failures.translated():
            rows = await self._pool.fetch(_CLAIM_NAMED, self._destination, limit, self._claim, name)
        return _claimed(rows)

    async def doubt_lost(self) -> list[str]:
        """Put in doubt what was being sent when its claim lapsed."""
        with failures.translated():
            rows = await self._pool.fetch(_DOUBT_LOST, self._destination, _DOUBTED_AT_ONCE)
        return [row[0] for row in rows]

    async def begin(self, row: ClaimedRow) -> None:
        """Record that it is being sent. Raises ClaimLost."""
        with failures.translated():
            if not await self._pool.fetchval(_BEGIN, row.outbox_id, row.claim, self._claim):
                raise errors.ClaimLost

    async def settle(self, row: ClaimedRow, state: DeliveryState, reason: str) -> bool:
        """Note the end of an attempt."""
        with failures.translated():
            return bool(await self._pool.fetchval(_SETTLE, row.outbox_id, row.claim, state.value, reason))

    async def postpone(self, row: ClaimedRow, reason: str, pause_s: float) -> None:
        """Try again later."""
        with failures.translated():
            await self._pool.execute(_RETURN, row.outbox_id, row.claim, reason, timedelta(seconds=pause_s))


def _claimed(rows: Iterable[asyncpg.Record]) -> list[ClaimedRow]:
    claimed = (ClaimedRow(**{**dict(row), "payload": json.loads(row["payload"])}) for row in rows)
    return sorted(claimed, key=lambda row: row.outbox_id)
