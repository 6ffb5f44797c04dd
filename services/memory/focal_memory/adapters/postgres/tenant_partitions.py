"""Gives a large tenant partitions of its own, with a vector index that holds nobody else's rows.

All of it happens on a connection of its own, because a move and an index build take longer than any
statement of the service may. See docs/adr/0070.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from focal_kernel import ids
from focal_memory.adapters.postgres import locks
from focal_memory.ports import Model
from focal_service_kit import postgres, settings

TABLES = ("episode", "episode_vector")
"""Moved in this order, each in its own transaction: a recall locks them in the other order, so holding
both would be a deadlock. In between everything is found as before; the last one says that it is done."""

_OUTGROWN = """
SELECT tenant_id FROM memory.episode_vector_tail GROUP BY tenant_id HAVING count(*) > $1 ORDER BY tenant_id
"""
_OWN = """
SELECT part.relname
FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid
WHERE inhparent = 'memory.episode_vector'::regclass AND part.relkind = 'r'
ORDER BY part.relname
"""
_INDEX_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)"
_TRY_ALONE = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"  # until the connection closes


class PostgresTenantPartitions:
    """`lock_timeout_ms` and `build_memory_mb` as in `PartitionSettings`."""

    def __init__(
        self, chosen: settings.PostgresSettings, *, lock_timeout_ms: int, build_memory_mb: int
    ) -> None:
        self._url = chosen.url
        self._connect_timeout_s = chosen.connect_timeout_s
        self._lock_timeout_ms = lock_timeout_ms
        self._build_memory_mb = build_memory_mb

    async def outgrown(self, episodes: int) -> Sequence[str]:
        async with self._maintenance() as connection:
            rows = await connection.fetch(_OUTGROWN, episodes) if connection else []
            return [row["tenant_id"] for row in rows]

    async def separate(self, tenant: str) -> None:
        async with self._maintenance() as connection:
            if connection is None:
                return
            for table in TABLES:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL lock_timeout = {self._lock_timeout_ms}")
                    await locks.alone(connection, locks.tenant(tenant))
                    await _move(connection, table, tenant)
                await connection.execute(f"ANALYZE {_own(table, tenant)}")

    async def index(self, model: Model) -> None:
        async with self._maintenance() as connection:
            if connection is None:
                return
            for row in await connection.fetch(_OWN):
                await _build(connection, row["relname"], model.dimensions)

    @asynccontextmanager
    async def _maintenance(self) -> AsyncIterator[asyncpg.Connection | None]:
        """A connection without time limits, or None while another replica is at work."""
        try:
            connection = await self._connect()
            try:
                free = await connection.fetchval(_TRY_ALONE, locks.MAINTENANCE)
                yield connection if free else None
            finally:
                await connection.close()
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as error:
            raise postgres.translate(error) or error from error

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._url,
            timeout=self._connect_timeout_s,
            server_settings={
                "application_name": "focal-memory-maintenance",
                "maintenance_work_mem": f"{self._build_memory_mb}MB",
            },
        )


async def _move(connection: asyncpg.Connection, table: str, tenant: str) -> None:
    """From the shared part into a new partition, which takes its place in the same transaction."""
    own = _own(table, tenant)
    if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", own):
        return
    await connection.execute(
        f"CREATE TABLE {own} (LIKE memory.{table} INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING STORAGE)"
    )
    await connection.execute(
        f"WITH moved AS (DELETE FROM memory.{table}_tail WHERE tenant_id = $1 RETURNING *)"  # noqa: S608
        f" INSERT INTO {own} SELECT * FROM moved",
        tenant,
    )
    # A statement reads the list of partitions once it has the parent, and waits for a partition after that:
    # one that waited for the shared part here would go on with the old list and find nothing.
    await connection.execute(f"LOCK TABLE ONLY memory.{table} IN ACCESS EXCLUSIVE MODE")
    bound = await connection.fetchval("SELECT quote_literal($1::text)", tenant)
    await connection.execute(f"ALTER TABLE memory.{table} ATTACH PARTITION {own} FOR VALUES IN ({bound})")


async def _build(connection: asyncpg.Connection, partition: str, dimensions: int) -> None:
    """The vector index of one partition; one left invalid by an interrupted build is built again."""
    name = f"{partition}_hnsw"
    valid = await connection.fetchval(_INDEX_VALID, f"memory.{name}")
    if valid:
        return
    if valid is False:
        await connection.execute(f"DROP INDEX memory.{name}")
    await connection.execute(
        f"CREATE INDEX CONCURRENTLY {name} ON memory.{partition}"
        f" USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops)"
    )


def _own(table: str, tenant: str) -> str:
    """The name of a tenant's own partition; the digest keeps it short and free of odd characters."""
    return f"memory.{table}_own_{ids.digest(tenant)}"
