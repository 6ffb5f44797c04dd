"""Versions and pointers in PostgreSQL: reading. `postgres_publication` writes."""

from collections.abc import Collection

import asyncpg

from focal_config_watcher.adapters import postgres_publication as writing
from focal_config_watcher.domain.command import Move, Publication, Settled
from focal_config_watcher.domain.version import (
    AgentKey,
    Compiled,
    Manifest,
    Part,
    Pointer,
    VersionRecord,
)

_RECORD = """
    SELECT v.agent_id, v.version, v.content_hash, v.published_by, v.published_at, v.note,
           v.version = a.current_version AS current
    FROM config.versions v JOIN config.agents a USING (tenant_id, agent_id)
"""


class PostgresVersions:
    """Implements `ports.Versions`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def settled(self, publication: Publication) -> Settled | None:
        async with self._pool.acquire() as connection, connection.transaction():
            return await writing.settled(connection, publication)

    async def publish(self, publication: Publication, compiled: Compiled) -> Settled:
        async with self._pool.acquire() as connection, connection.transaction():
            return await writing.publish(connection, publication, compiled)

    async def move(self, move: Move) -> Pointer:
        async with self._pool.acquire() as connection, connection.transaction():
            return await writing.move(connection, move)

    async def pointer(self, key: AgentKey) -> Pointer | None:
        row = await self._pool.fetchrow(
            f"{writing.POINTER} WHERE a.tenant_id = $1 AND a.agent_id = $2",
            *(key.tenant_id, key.agent_id),
        )
        return writing.pointer(row) if row else None

    async def pointers(self) -> list[Pointer]:
        rows = await self._pool.fetch(writing.POINTER)
        return [writing.pointer(row) for row in rows]

    async def manifest(self, key: AgentKey, version: int) -> Manifest | None:
        row = await self._pool.fetchrow(
            """
            SELECT content_hash, published_at, embedding_model, embedding_dimensions
            FROM config.versions WHERE tenant_id = $1 AND agent_id = $2 AND version = $3
            """,
            *(key.tenant_id, key.agent_id, version),
        )
        if row is None:
            return None
        return Manifest(
            Pointer(key, version, row["content_hash"], row["published_at"], moves=0),
            await self._described(key, version),
            row["embedding_model"],
            row["embedding_dimensions"],
        )

    async def parts(self, key: AgentKey, version: int, names: Collection[str]) -> dict[str, bytes]:
        rows = await self._pool.fetch(
            """
            SELECT name, content FROM config.parts
            WHERE tenant_id = $1 AND agent_id = $2 AND version = $3 AND name = ANY($4::text[])
            ORDER BY ordinal
            """,
            *(key.tenant_id, key.agent_id, version, list(names)),
        )
        return {row["name"]: row["content"] for row in rows}

    async def history(self, key: AgentKey, below: int, size: int) -> list[VersionRecord]:
        rows = await self._pool.fetch(
            f"""
            {_RECORD} WHERE v.tenant_id = $1 AND v.agent_id = $2 AND v.version < $3
            ORDER BY v.version DESC LIMIT $4
            """,
            *(key.tenant_id, key.agent_id, below, size),
        )
        return [VersionRecord(**dict(row)) for row in rows]

    async def current(self, tenant_id: str, after: str, size: int) -> list[VersionRecord]:
        rows = await self._pool.fetch(
            f"""
            {_RECORD} WHERE v.tenant_id = $1 AND v.agent_id > $2 AND v.version = a.current_version
            ORDER BY v.agent_id LIMIT $3
            """,
            *(tenant_id, after, size),
        )
        return [VersionRecord(**dict(row)) for row in rows]

    async def _described(self, key: AgentKey, version: int) -> tuple[Part, ...]:
        rows = await self._pool.fetch(
            """
            SELECT name, size, sha256 FROM config.parts
            WHERE tenant_id = $1 AND agent_id = $2 AND version = $3 ORDER BY ordinal
            """,
            *(key.tenant_id, key.agent_id, version),
        )
        return tuple(Part(**dict(row)) for row in rows)
