"""What sessions have done to the world, from the ledger in PostgreSQL."""

from __future__ import annotations

from typing import Any

import asyncpg

from focal_toolbox.adapters.reaching import away
from focal_toolbox.domain.reads import Writes

_OF_SESSION = """
    SELECT clock_timestamp() AS at, max(updated_at) AS changed_at,
        coalesce(bool_or(state NOT IN ('DONE', 'FAILED', 'COMPENSATED')), false) AS open
    FROM effects.effects WHERE tenant_id = $1 AND session_id = $2
"""


class PostgresWrites:
    """`ports.writes.SessionWrites`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def of(self, tenant_id: str, session_id: str) -> Writes:
        with away():
            row: Any = await self._pool.fetchrow(_OF_SESSION, tenant_id, session_id)
        return Writes(row["at"], row["changed_at"], row["open"])
