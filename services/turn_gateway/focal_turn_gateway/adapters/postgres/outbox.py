"""The outbox table: rows are claimed per destination, the oldest of each session first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.ports.delivery import ClaimedRow

_CLAIM = """
UPDATE turns.outbox o SET claimed_until = clock_timestamp() + $3, attempts = attempts + 1
WHERE o.outbox_id IN (
  SELECT c.outbox_id FROM turns.outbox c
  WHERE c.destination = $1 AND c.state = 'PENDING' AND c.next_attempt_at <= clock_timestamp()
    AND (c.claimed_until IS NULL OR c.claimed_until < clock_timestamp())
    AND NOT EXISTS (SELECT 1 FROM turns.outbox p WHERE p.destination = c.destination AND p.state = 'PENDING'
                    AND p.session_id = c.session_id AND p.outbox_id < c.outbox_id)
  ORDER BY c.outbox_id LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING outbox_id, tenant_id, session_id, dedupe_key, payload, attempts, created_at
"""
_DELIVERED = """
UPDATE turns.outbox SET state = 'DELIVERED', delivered_at = clock_timestamp(), claimed_until = NULL
WHERE outbox_id = ANY($1) AND state = 'PENDING'
"""
_POSTPONE = """
UPDATE turns.outbox SET next_attempt_at = clock_timestamp() + $2, claimed_until = NULL
WHERE outbox_id = ANY($1) AND state = 'PENDING'
"""
_GIVE_UP = "UPDATE turns.outbox SET state = 'FAILED', claimed_until = NULL WHERE outbox_id = ANY($1)"


class PostgresOutbox:
    """`ports.Outbox` on the schema `turns`; a claim lapses by itself when its process dies."""

    def __init__(self, pool: asyncpg.Pool, claim_s: float) -> None:
        self._pool = pool
        self._claim = timedelta(seconds=claim_s)

    async def claim(self, destination: str, limit: int) -> list[ClaimedRow]:
        """Take the oldest row of each session for this process."""
        with failures.translated():
            rows = await self._pool.fetch(_CLAIM, destination, limit, self._claim)
        claimed = (ClaimedRow(**{**dict(row), "payload": json.loads(row["payload"])}) for row in rows)
        return sorted(claimed, key=lambda row: row.outbox_id)

    async def delivered(self, outbox_ids: Sequence[int]) -> None:
        """The destination took them."""
        with failures.translated():
            await self._pool.execute(_DELIVERED, list(outbox_ids))

    async def postpone(self, outbox_ids: Sequence[int], seconds: float) -> None:
        """Try again later."""
        with failures.translated():
            await self._pool.execute(_POSTPONE, list(outbox_ids), timedelta(seconds=seconds))

    async def give_up(self, outbox_ids: Sequence[int]) -> None:
        """The destination will never take them."""
        with failures.translated():
            await self._pool.execute(_GIVE_UP, list(outbox_ids))
