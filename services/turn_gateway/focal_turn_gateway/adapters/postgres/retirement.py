"""Removes old rows. Each call is one function of the schema, returning 0 while another replica removes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg

from focal_turn_gateway.adapters.postgres import failures

_TENANTS = """
WITH RECURSIVE known AS (
  (SELECT tenant_id FROM turns.events ORDER BY tenant_id LIMIT 1)
  UNION ALL
  SELECT (SELECT e.tenant_id FROM turns.events e WHERE e.tenant_id > k.tenant_id ORDER BY e.tenant_id LIMIT 1)
  FROM known k WHERE k.tenant_id IS NOT NULL
)
SELECT tenant_id FROM known WHERE tenant_id IS NOT NULL
"""
"""Steps from tenant to tenant along the index, however many events each of them has."""


class PostgresRetirement:
    """`ports.events.Retirement` on the schema `turns`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def tenants(self) -> list[str]:
        """Tenants that have events."""
        with failures.translated():
            return [row["tenant_id"] for row in await self._pool.fetch(_TENANTS)]

    async def remove_events(self, tenant_id: str, age_s: float, limit: int) -> int:
        """Remove the tenant's oldest events."""
        return await self._count("remove_events($1, $2, $3)", tenant_id, timedelta(seconds=age_s), limit)

    async def empty_events(self, age_s: float, limit: int) -> int:
        """Take the payload out of rule and custom events."""
        return await self._count("empty_events($1, $2)", timedelta(seconds=age_s), limit)

    async def remove_deliveries(self, age_s: float, limit: int) -> int:
        """Remove outbox rows that were delivered."""
        return await self._count("remove_deliveries($1, $2)", timedelta(seconds=age_s), limit)

    async def remove_artifacts(self, age_s: float, limit: int) -> int:
        """Remove artifacts of closed turns."""
        return await self._count("remove_artifacts($1, $2)", timedelta(seconds=age_s), limit)

    async def remove_abuse(self, age_s: float, limit: int) -> int:
        """Remove what was held against customers and is over."""
        return await self._count("remove_abuse($1, $2)", timedelta(seconds=age_s), limit)

    async def remove_webhook_deliveries(self, age_s: float, limit: int) -> int:
        """Remove deliveries to webhooks that wait for nothing."""
        return await self._count("remove_webhook_deliveries($1, $2)", timedelta(seconds=age_s), limit)

    async def _count(self, call: str, *arguments: Any) -> int:
        with failures.translated():
            return int(await self._pool.fetchval(f"SELECT turns.{call}", *arguments))
