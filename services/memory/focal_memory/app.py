"""The composition root: everything memory is made of, built in one place."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

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


async def build(settings: MemorySettings, host: Host) -> None:
    """Connect, wire and register."""
    embedder = await host.stack.enter_async_context(focal_embedding.opened(settings.embedding))
    writing = await host.stack.enter_async_context(postgres.pool(settings.postgres, "memory"))
    recalling = await host.stack.enter_async_context(_recall_pool(settings))
    host.readiness("postgres", postgres.ready(writing))
    model = EmbeddingModel(PostgresModelRegister(writing), embedder)
    host.readiness("embedding_model", model.check)

    store = PostgresEpisodeStore(writing, recalling, model.ours, _tuning(settings))
    counts = StatisticsWordCounts(recalling, settings.recall.counts_max_age_s)
    ingest = Ingest(store, embedder, model, settings.ingest.limits(), settings.ingest.batch)
    recall = Recall(store, counts, embedder, model, settings.recall.choice(), settings.recall.query_chars)
    host.background("give room", _give_room(settings, model).run)
    _register(host, MemoryServicer(ingest, recall, Forget(store), clock.SystemClock()))


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
        words=recall.words,
    )


def _give_room(settings: MemorySettings, model: EmbeddingModel) -> GiveRoom:
    chosen = settings.partitions
    partitions = PostgresTenantPartitions(
        settings.postgres,
        lock_timeout_ms=chosen.lock_timeout_ms,
        build_memory_mb=chosen.build_memory_mb,
    )
    return GiveRoom(partitions, model, episodes=chosen.own_from_episodes, interval_s=chosen.interval_s)


def _register(host: Host, servicer: MemoryServicer) -> None:
    memory_service_pb2_grpc.add_MemoryServiceServicer_to_server(servicer, host.server)
    customer_data_service_pb2_grpc.add_CustomerDataServiceServicer_to_server(
        CustomerDataServicer(), host.server
    )
    host.serves("focal.memory.v1.MemoryService", "focal.memory.v1.CustomerDataService")
