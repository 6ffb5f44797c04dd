"""The PostgreSQL adapters of memory on a database of the test's own, with vectors made by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from focal_memory.adapters.postgres import episode_store
from focal_memory.adapters.postgres.episode_store import PostgresEpisodeStore
from focal_memory.adapters.postgres.model_register import PostgresModelRegister
from focal_memory.adapters.postgres.statement import Tuning
from focal_memory.adapters.postgres.tenant_partitions import PostgresTenantPartitions
from focal_memory.adapters.postgres.vector_renewal import PostgresVectorRenewal
from focal_memory.domain.episode import Episode, Recalled
from focal_memory.domain.question import Scope
from focal_memory.domain.rarity import Weighted
from focal_memory.ports import Indexed, Model, Search
from focal_service_kit import postgres, settings

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Adapters:
    """All of them over one pool."""

    pool: asyncpg.Pool
    recall_pool: asyncpg.Pool
    model: Model
    store: PostgresEpisodeStore
    partitions: PostgresTenantPartitions
    renewal: PostgresVectorRenewal

    async def add(self, tenant: str, *episodes: Indexed) -> int:
        return await self.store.add(tenant, self.model, episodes)

    async def recall(
        self,
        vector: Sequence[float] | None = None,
        words: Sequence[str] = (),
        *,
        scope: Scope | None = None,
        **fields: Any,
    ) -> list[Recalled]:
        """For customer `c1` of `acme` unless told otherwise; every word weighs 1."""
        return await self.store.recall(
            Search(
                scope=scope or Scope("acme", customer_id="c1"),
                words=[Weighted(word, 1.0) for word in words],
                vector=vector,
                **{"limit": 15, **fields},
            )
        )


@asynccontextmanager
async def adapters(
    database: str, *, dimensions: int = 2, tuning: Tuning | None = None
) -> AsyncIterator[Adapters]:
    """The adapters with a store that holds vectors of model `made-by-hand`."""
    model = Model("made-by-hand", dimensions)
    chosen = settings.PostgresSettings(url=database, pool_max=4, statement_timeout_ms=60_000)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(postgres.pool(chosen, "test"))
        parameters = episode_store.recall_parameters(ef_search=100, max_scan_tuples=20_000)
        recall_pool = await stack.enter_async_context(postgres.pool(chosen, "test-recall", parameters))
        await PostgresModelRegister(pool).claim(model)
        yield Adapters(
            pool,
            recall_pool,
            model,
            PostgresEpisodeStore(pool, recall_pool, model, tuning or Tuning()),
            PostgresTenantPartitions(chosen, lock_timeout_ms=2_000, build_memory_mb=64),
            PostgresVectorRenewal(pool),
        )


def indexed(episode_id: str, vector: Sequence[float], *words: str, **fields: Any) -> Indexed:
    """An episode of session `s1` and customer `c1`, true since long ago, unless `fields` say otherwise."""
    given: dict[str, Any] = {"session_id": "s1", "customer_id": "c1", "occurred_at": LONG_AGO}
    episode = Episode(episode_id=episode_id, content=" ".join(words) or "…", **{**given, **fields})
    return Indexed(episode, words, vector)


def ids(found: Sequence[Recalled]) -> list[str]:
    """The ids recalled, best first."""
    return [one.episode.episode_id for one in found]
