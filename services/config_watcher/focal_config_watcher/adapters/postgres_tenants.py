"""The registry of tenants in PostgreSQL."""

import asyncpg

from focal_config_watcher import errors
from focal_config_watcher.adapters import postgres_requests as requests
from focal_config_watcher.domain.command import Registration
from focal_config_watcher.domain.tenant import Tenant, Tier

_ALL_TENANTS = ""
_METHOD = "CreateTenant"


class PostgresTenants:
    """Implements `ports.Tenants`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def create(self, registration: Registration) -> Tenant:
        async with self._pool.acquire() as connection, connection.transaction():
            repeated = await requests.begin(connection, _ALL_TENANTS, _METHOD, registration.request)
            if repeated is None:
                await self._insert(connection, registration)
                await requests.finish(
                    connection, _ALL_TENANTS, _METHOD, registration.request, registration.tenant_id
                )
            row = await connection.fetchrow(
                "SELECT * FROM config.tenants WHERE tenant_id = $1", registration.tenant_id
            )
        assert row is not None
        return _tenant(row)

    async def get(self, tenant_id: str) -> Tenant | None:
        row = await self._pool.fetchrow("SELECT * FROM config.tenants WHERE tenant_id = $1", tenant_id)
        return _tenant(row) if row else None

    async def page(self, after: str, size: int) -> list[Tenant]:
        rows = await self._pool.fetch(
            "SELECT * FROM config.tenants WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2",
            *(after, size),
        )
        return [_tenant(row) for row in rows]

    async def _insert(self, connection: requests.Connected, registration: Registration) -> None:
        inserted = await connection.fetchval(
            """
            INSERT INTO config.tenants (tenant_id, name, tier, created_at)
            VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true
            """,
            *(registration.tenant_id, registration.name, registration.tier),
            registration.created_at,
        )
        if not inserted:
            raise errors.tenant_exists(registration.tenant_id)


def _tenant(row: asyncpg.Record) -> Tenant:
    return Tenant(row["tenant_id"], row["name"], Tier(row["tier"]), row["created_at"])
