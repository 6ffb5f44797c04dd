"""The composition root: everything memory is made of, built in one place."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

import asyncpg

import focal_embedding
from focal.memory.v1 import customer_data_service_pb2_grpc, memory_service_pb2_grpc
from focal_kernel import clock
from focal_memory.adapters.postgres import episode_store, statement
from focal_memory.adapters.postgres.episode_store import PostgresEpisodeStore
from focal_memory.adapters.postgres.model_register import PostgresModelRegister
from focal_memory.adapters.postgres.tenant_partitions import PostgresTenantPartitions
from focal_memory.adapters.postgres.word_counts import StatisticsWordCounts
from focal_memory.core.embedding_model import EmbeddingModel
from focal_memory.core.forget import Forget
from focal_memory.core.give_room import GiveRoom
from focal_memory.core.ingest import Ingest
from focal_memory.core.recall import Recall
from focal_memory.settings import MemorySettings
from focal_memory.transport.customer_data_servicer import CustomerDataServicer
from focal_memory.transport.memory_servicer import MemoryServicer
from focal_service_kit import postgres
from focal_service_kit.host import Host


@dataclass(frozen=True, slots=True)
class Parts:
    """What memory can do, wired to one database."""

    pool: asyncpg.Pool
    model: EmbeddingModel
    ingest: Ingest
    recall: Recall
    forget: Forget
    give_room: GiveRoom


async def build(settings: MemorySettings, host: Host) -> None:
    """Connect, wire and register."""
    parts = await connect(settings, host.stack)
    host.readiness("postgres", postgres.ready(parts.pool))
    host.readiness("embedding_model", parts.model.check)
    host.background("give room", parts.give_room.run)
    servicer = MemoryServicer(parts.ingest, parts.recall, parts.forget, clock.SystemClock())
    memory_service_pb2_grpc.add_MemoryServiceServicer_to_server(servicer, host.server)
    customer_data_service_pb2_grpc.add_CustomerDataServiceServicer_to_server(
        CustomerDataServicer(), host.server
    )
    host.serves("focal.memory.v1.MemoryService", "focal.memory.v1.CustomerDataService")


async def connect(settings: MemorySettings, stack: AsyncExitStack) -> Parts:
    """Everything behind the servicers; `stack` closes it."""
    embedder = await stack.enter_async_context(focal_embedding.opened(settings.embedding))
    writing = await stack.enter_async_context(postgres.pool(settings.postgres, "memory"))
    recalling = await stack.enter_async_context(_recall_pool(settings))
    model = EmbeddingModel(PostgresModelRegister(writing), embedder)
    store = PostgresEpisodeStore(writing, recalling, model.ours, _tuning(settings))
    counts = StatisticsWordCounts(recalling, settings.recall.counts_max_age_s)
    return Parts(
        pool=writing,
        model=model,
        ingest=Ingest(store, embedder, model, settings.ingest.limits(), settings.ingest.batch),
        recall=Recall(store, counts, embedder, model, settings.recall.choice(), settings.recall.query_chars),
        forget=Forget(store),
        give_room=_give_room(settings, model),
    )


def _recall_pool(settings: MemorySettings) -> AbstractAsyncContextManager[asyncpg.Pool]:
    recall = settings.recall
    chosen = settings.postgres.model_copy(
        update={"statement_timeout_ms": recall.statement_timeout_ms, "pool_max": recall.connections}
    )
    parameters = episode_store.recall_parameters(recall.ef_search, recall.max_scan_tuples)
    return postgres.pool(chosen, "memory-recall", parameters)


def _tuning(settings: MemorySettings) -> statement.Tuning:
    recall = settings.recall
    return statement.Tuning(
        list_depth=recall.list_depth,
        rank_constant=recall.rank_constant,
        vector_weight=recall.vector_weight,
        lexical_weight=recall.lexical_weight,
        exact_episodes=recall.exact_episodes,
        words=recall.words + recall.uncounted_words,
    )


def partitions(settings: MemorySettings) -> PostgresTenantPartitions:
    """The partitions and vector indexes of large tenants."""
    return PostgresTenantPartitions(
        settings.postgres,
        lock_timeout_ms=settings.partitions.lock_timeout_ms,
        build_memory_mb=settings.partitions.build_memory_mb,
    )


def _give_room(settings: MemorySettings, model: EmbeddingModel) -> GiveRoom:
    chosen = settings.partitions
    return GiveRoom(
        partitions(settings), model, episodes=chosen.own_from_episodes, interval_s=chosen.interval_s
    )
