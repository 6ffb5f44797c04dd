"""Which gateway instance holds which session.

A lease names an instance, not a time: it ends when the instance is dead (see `turns.live_gateways`), so a
process writes one heartbeat however many sessions it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from focal_turn_gateway.adapters.postgres import failures

_CLAIM = """
UPDATE turns.sessions SET gateway = $2 WHERE session_id = $1
  AND (gateway IS NULL OR gateway = $2 OR gateway NOT IN (SELECT turns.live_gateways($3)))
RETURNING true
"""
_RELEASE = """
UPDATE turns.sessions s SET gateway = NULL WHERE session_id = $1 AND gateway = $2
RETURNING EXISTS (SELECT 1 FROM turns.messages m WHERE m.session_id = $1 AND m.turn_id IS NULL)
  OR EXISTS (SELECT 1 FROM turns.triggers g WHERE g.session_id = $1 AND g.consumed_at IS NULL)
"""
_ABANDONED = """
SELECT tenant_id, session_id
FROM (SELECT s.tenant_id, s.session_id,
        row_number() OVER (PARTITION BY s.tenant_id ORDER BY min(w.since)) AS place
      FROM (
        SELECT session_id, received_at AS since FROM turns.messages
        WHERE turn_id IS NULL AND received_at < clock_timestamp() - interval '1 second'
        UNION ALL
        SELECT session_id, created_at FROM turns.triggers
        WHERE consumed_at IS NULL AND created_at < clock_timestamp() - interval '1 second'
      ) w JOIN turns.sessions s USING (session_id)
      WHERE s.session_id <> ALL($2::text[])
        AND (s.gateway IS NULL OR s.gateway = $1 OR s.gateway NOT IN (SELECT turns.live_gateways($3)))
      GROUP BY s.tenant_id, s.session_id) waiting
ORDER BY place LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Leases:
    """Claims and releases sessions; `lease_s` is how old a live instance's heartbeat may be, in seconds."""

    pool: asyncpg.Pool
    lease_s: float

    async def claim(self, session_id: str, instance: int) -> bool:
        """Hold the session unless a live instance does."""
        with failures.translated():
            return bool(
                await self.pool.fetchval(_CLAIM, session_id, instance, timedelta(seconds=self.lease_s))
            )

    async def release(self, session_id: str, instance: int) -> bool:
        """Let the session go; true when something in it is unanswered and somebody should look again."""
        with failures.translated():
            return bool(await self.pool.fetchval(_RELEASE, session_id, instance))

    async def abandoned(self, instance: int, draining: list[str], limit: int) -> list[tuple[str, str]]:
        """Tenant and id of sessions that wait for over a second and that nobody drains; `draining` are
        this process's. Every tenant has its longest waiting ones among them, however many others flood.
        """
        with failures.translated():
            rows = await self.pool.fetch(
                _ABANDONED, instance, draining, timedelta(seconds=self.lease_s), limit
            )
        return [(row["tenant_id"], row["session_id"]) for row in rows]
