"""Reads what waits in a window, and closes it before its time."""

from __future__ import annotations

import asyncpg

from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.ports.accumulation import OpenWindow
from focal_turn_gateway.ports.engine import Hold

_TEXTS = """
SELECT text FROM (
  SELECT text, sequence FROM turns.messages
  WHERE tenant_id = $1 AND session_id = $2 AND turn_id IS NULL
  ORDER BY sequence DESC LIMIT 100) m
ORDER BY sequence
"""
_FINISH = "SELECT turns.finish_window($1, $2, $3, $4)"


class PostgresOpenWindows:
    """`ports.OpenWindows` on the schema `turns`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def texts(self, hold: Hold, window: OpenWindow) -> tuple[str, ...]:
        """The latest texts that wait. Raises StoreUnavailable."""
        with failures.translated():
            rows = await self._pool.fetch(_TEXTS, window.tenant_id, hold.session_id)
        return tuple(row["text"] for row in rows)

    async def finish(self, hold: Hold, window: OpenWindow) -> bool:
        """Close the window now. Raises StoreUnavailable."""
        with failures.translated():
            finished: bool = await self._pool.fetchval(
                _FINISH, window.tenant_id, hold.session_id, hold.lease, window.sequence
            )
        return finished
