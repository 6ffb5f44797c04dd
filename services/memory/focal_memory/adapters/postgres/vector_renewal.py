"""Replaces the vectors of the whole store."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from focal_memory.adapters.postgres import locks, statement
from focal_memory.ports import Model, Unembedded
from focal_service_kit.postgres import Connection

_INDEXES = """
SELECT format('memory.%I', indexname) AS name FROM pg_indexes
WHERE schemaname = 'memory' AND indexdef LIKE '% USING hnsw %'
"""
_SWITCH = """
INSERT INTO memory.embedding_model (model, dimensions) VALUES ($1, $2)
ON CONFLICT (singleton) DO UPDATE SET model = $1, dimensions = $2, claimed_at = now()
"""
_UNEMBEDDED = """
SELECT tenant_id, no, content FROM memory.episode
WHERE (tenant_id, no) > ($1, $2)
      AND NOT EXISTS (SELECT FROM memory.episode_vector AS vector
                      WHERE vector.tenant_id = episode.tenant_id AND vector.no = episode.no)
ORDER BY tenant_id, no LIMIT $3
"""
# The row locks make a concurrent erasure wait, so that it also finds the vectors.
_FILL = """
WITH locked AS (
    SELECT episode.*, item.embedding
    FROM unnest($1::text[], $2::bigint[], $3::text[]) AS item (tenant_id, no, embedding)
         JOIN memory.episode USING (tenant_id, no)
    FOR KEY SHARE OF episode
)
INSERT INTO memory.episode_vector (tenant_id, no, customer_id, session_id,
                                   valid_from, valid_to, recorded_at, retired_at, embedding)
SELECT tenant_id, no, customer_id, session_id,
       valid_from, valid_to, recorded_at, retired_at, embedding::halfvec
FROM locked
ON CONFLICT DO NOTHING
"""


class PostgresVectorRenewal:
    """Runs beside no writer of the old model: their transactions fail once the model is switched."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def switch(self, model: Model) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await locks.alone(connection, locks.MODEL)
            stored = await connection.fetchrow("SELECT model, dimensions FROM memory.embedding_model")
            if stored is not None and tuple(stored) == (model.name, model.dimensions):
                return
            await _drop_vectors(connection)
            await connection.execute(_SWITCH, model.name, model.dimensions)

    async def unembedded(self, after: Unembedded | None, limit: int) -> Sequence[Unembedded]:
        tenant, no = (after.tenant, after.no) if after else ("", 0)
        rows = await self._pool.fetch(_UNEMBEDDED, tenant, no, limit)
        return [Unembedded(row["tenant_id"], row["no"], row["content"]) for row in rows]

    async def fill(self, texts: Sequence[Unembedded], vectors: Sequence[Sequence[float]]) -> None:
        await self._pool.execute(
            _FILL,
            [text.tenant for text in texts],
            [text.no for text in texts],
            [statement.vector_text(vector) for vector in vectors],
        )


async def _drop_vectors(connection: Connection) -> None:
    for index in await connection.fetch(_INDEXES):
        await connection.execute(f"DROP INDEX {index['name']}")
    await connection.execute("TRUNCATE memory.episode_vector")
