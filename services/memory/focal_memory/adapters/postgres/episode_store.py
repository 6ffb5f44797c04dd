"""Episodes in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from focal_memory import errors
from focal_memory.adapters.postgres import locks, rows, statement
from focal_memory.domain.episode import Recalled
from focal_memory.ports import Indexed, Model, Search
from focal_service_kit.postgres import Connection

ERASED_KINDS = {"episodes": "memory.episode", "vectors": "memory.episode_vector"}
"""Every table that holds rows of groups, by the kind that DeleteGroup reports."""

_ADD = """
WITH item AS (
    SELECT *
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::smallint[],
                $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::text[])
         AS item (episode_id, session_id, customer_id, content, kind, source, metadata, words,
                  valid_from, valid_to, embedding)
), stored AS (
    INSERT INTO memory.episode (tenant_id, episode_id, session_id, customer_id, content, kind, source,
                                metadata, words, valid_from, valid_to)
    SELECT $1, episode_id, session_id, customer_id, content, kind, source,
           metadata::jsonb, array_to_tsvector(string_to_array(words, ' ')),
           valid_from, COALESCE(valid_to, 'infinity')
    FROM item
    WHERE NOT EXISTS (
        SELECT FROM memory.forgotten_group AS forgotten
        WHERE forgotten.tenant_id = $1 AND forgotten.session_id = item.session_id
              AND item.valid_from <= forgotten.forgotten_at)
    ON CONFLICT (tenant_id, episode_id) WHERE retired_at = 'infinity' DO NOTHING
    RETURNING no, episode_id, customer_id, session_id, valid_from, valid_to, recorded_at, retired_at
)
INSERT INTO memory.episode_vector (tenant_id, no, customer_id, session_id,
                                   valid_from, valid_to, recorded_at, retired_at, embedding)
SELECT $1, stored.no, stored.customer_id, stored.session_id,
       stored.valid_from, stored.valid_to, stored.recorded_at, stored.retired_at, item.embedding::halfvec
FROM stored JOIN item USING (episode_id)
"""


class PostgresEpisodeStore:
    """Writes through one pool and recalls through another, so that neither waits for the other.

    The recall pool's connections need the parameters of `recall_parameters`.
    """

    def __init__(
        self,
        writing: asyncpg.Pool,
        recalling: asyncpg.Pool,
        model: Model,
        tuning: statement.Tuning,
    ) -> None:
        self._writing = writing
        self._recalling = recalling
        self._tuning = tuning
        self._recall = statement.text(model.dimensions, tuning.words)

    async def known(self, tenant: str, episode_ids: Sequence[str]) -> set[str]:
        found = await self._writing.fetch(
            "SELECT episode_id FROM memory.episode"
            " WHERE tenant_id = $1 AND episode_id = ANY($2::text[]) AND retired_at = 'infinity'",
            tenant,
            episode_ids,
        )
        return {row["episode_id"] for row in found}

    async def add(self, tenant: str, model: Model, episodes: Sequence[Indexed]) -> int:
        groups = {locks.group(tenant, indexed.episode.session_id) for indexed in episodes}
        async with self._writing.acquire() as connection, connection.transaction():
            await locks.share(connection, [locks.MODEL, locks.tenant(tenant), *groups])
            await _require(connection, model)
            status = await connection.execute(_ADD, tenant, *rows.columns(episodes))
            return _count(status)

    async def recall(self, search: Search) -> list[Recalled]:
        arguments = statement.arguments(search, self._tuning)
        return [rows.recalled(row) for row in await self._recalling.fetch(self._recall, *arguments)]

    async def forget(self, tenant: str, session_id: str) -> Mapping[str, int]:
        async with self._writing.acquire() as connection, connection.transaction():
            await locks.share(connection, [locks.tenant(tenant)])
            await locks.alone(connection, locks.group(tenant, session_id))
            await connection.execute(
                "INSERT INTO memory.forgotten_group (tenant_id, session_id, forgotten_at)"
                " VALUES ($1, $2, clock_timestamp())"
                " ON CONFLICT (tenant_id, session_id) DO UPDATE SET forgotten_at = excluded.forgotten_at",
                tenant,
                session_id,
            )
            return {
                kind: _count(
                    await connection.execute(
                        f"DELETE FROM {table} WHERE tenant_id = $1 AND session_id = $2",  # noqa: S608
                        tenant,
                        session_id,
                    )
                )
                for kind, table in ERASED_KINDS.items()
            }


def recall_parameters(ef_search: int, max_scan_tuples: int) -> dict[str, str]:
    """What connections of the recall pool open with.

    Iterative scan lets an index scan go on until its filter has let enough rows through. Workers cost
    more to start than a recall takes.
    """
    return {
        "plan_cache_mode": "force_custom_plan",
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.ef_search": str(ef_search),
        "hnsw.max_scan_tuples": str(max_scan_tuples),
    }


async def _require(connection: Connection, model: Model) -> None:
    """The store may have changed its model since this process started."""
    row = await connection.fetchrow("SELECT model, dimensions FROM memory.embedding_model")
    if row is None or (row["model"], row["dimensions"]) != (model.name, model.dimensions):
        raise errors.EmbeddingMismatch(row["model"] if row else "", model.name)


def _count(status: str) -> int:
    """The number of rows in a command's status, `INSERT 0 3` or `DELETE 3`."""
    return int(status.rpartition(" ")[2])
