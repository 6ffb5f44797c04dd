"""A small tenant beside a large one, and a large one in partitions of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from focal_memory.adapters.postgres import statement
from focal_memory.adapters.postgres.statement import Tuning
from focal_memory.adapters.postgres.word_counts import StatisticsWordCounts
from focal_memory.domain.question import Scope
from focal_memory.ports import Search
from tests.fakes import memory_store
from tests.fakes.memory_store import ids, indexed

pytestmark = pytest.mark.migrated("focal_memory")

DIMENSIONS = 32
LARGE, SMALL = 1_500, 60
RARE_CUSTOMER_EVERY = 20  # of the large tenant's episodes belong to customer `rare`
ENOUGH_FOR_AN_INDEX = 2_500
"""So many that the planner prefers one to comparing all, which it does from 2,000 on."""
TUNING = Tuning(exact_episodes=500)
LIST = 20

Vectors = NDArray[np.float32]

_LOAD = """
WITH item AS (
    INSERT INTO memory.episode (tenant_id, episode_id, session_id, customer_id, content, kind, source,
                                metadata, words, valid_from)
    SELECT $1, 'e' || n, 's1', CASE WHEN n % $3 = 0 THEN 'rare' ELSE 'c1' END, 'text ' || n, 1, 1, '{}',
           array_to_tsvector(ARRAY['text', 'number' || n]), '2020-01-01'
    FROM generate_series(0, cardinality($2::text[]) - 1) AS n
    RETURNING *
)
INSERT INTO memory.episode_vector
SELECT tenant_id, no, customer_id, session_id, valid_from, valid_to, recorded_at, retired_at,
       ($2::text[])[substr(episode_id, 2)::int + 1]::halfvec
FROM item
"""


def _vectors(count: int, seed: int) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


async def _load(memory: memory_store.Adapters, tenant: str, vectors: Vectors) -> None:
    texts = [statement.vector_text(vector) for vector in vectors.tolist()]
    await memory.pool.execute(_LOAD, tenant, texts, RARE_CUSTOMER_EVERY)


def _nearest(vectors: Vectors, question: Vectors, among: Sequence[int]) -> set[str]:
    order = sorted(among, key=lambda n: -float(vectors[n] @ question))
    return {f"e{n}" for n in order[:LIST]}


async def _plan(memory: memory_store.Adapters, search: Search) -> str:
    query = "EXPLAIN (ANALYZE, COSTS OFF) " + statement.text(DIMENSIONS, TUNING.words)
    rows = await memory.recall_pool.fetch(query, *statement.arguments(search, TUNING))
    return "\n".join(row[0] for row in rows)


async def test_recall_is_complete_for_small_tenant_large_tenant_and_a_rare_customer(database: str) -> None:
    small, large = _vectors(SMALL, seed=1), _vectors(LARGE, seed=2)
    rare = range(0, LARGE, RARE_CUSTOMER_EVERY)
    async with memory_store.adapters(database, dimensions=DIMENSIONS, tuning=TUNING) as memory:
        await _load(memory, "small", small)
        await _load(memory, "large", large)
        assert await memory.partitions.outgrown(LARGE - 1) == ["large"]
        for separated in (False, True):
            if separated:
                await memory.partitions.separate("large")
                await memory.partitions.index(memory.model)
            for question in _vectors(5, seed=3):

                async def found(scope: Scope, asked: Vectors = question) -> set[str]:
                    return set(ids(await memory.recall(asked.tolist(), scope=scope, limit=LIST)))

                of_small = await found(Scope("small", session_id="s1"))
                assert of_small == _nearest(small, question, range(SMALL))
                of_rare = await found(Scope("large", customer_id="rare"))
                assert of_rare == _nearest(large, question, rare)
                of_large = await found(Scope("large", session_id="s1"))
                assert len(of_large) == LIST
                assert len(of_large & _nearest(large, question, range(LARGE))) >= LIST * 0.8


async def test_a_filter_cannot_starve_the_index_scan_of_a_large_scope(database: str) -> None:
    large = _vectors(LARGE, seed=2)
    tuning = Tuning(exact_episodes=10)
    async with memory_store.adapters(database, dimensions=DIMENSIONS, tuning=tuning) as memory:
        await _load(memory, "large", large)
        await memory.partitions.separate("large")
        await memory.partitions.index(memory.model)
        async with memory.recall_pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off")
            search = Search(Scope("large", customer_id="rare"), [], large[7].tolist(), LIST)
            text = statement.text(DIMENSIONS, tuning.words)
            plan = await connection.fetch("EXPLAIN " + text, *statement.arguments(search, tuning))
            assert any("_hnsw" in row[0] for row in plan)
            rows = await connection.fetch(text, *statement.arguments(search, tuning))
        assert len(rows) == LIST


async def test_only_a_large_scope_goes_through_the_vector_index(database: str) -> None:
    async with memory_store.adapters(database, dimensions=DIMENSIONS, tuning=TUNING) as memory:
        await _load(memory, "large", _vectors(ENOUGH_FOR_AN_INDEX, seed=2))
        await memory.partitions.separate("large")
        await memory.partitions.index(memory.model)
        vector = _vectors(1, seed=3)[0].tolist()
        whole = await _plan(memory, Search(Scope("large", session_id="s1"), [], vector, LIST))
        rare = await _plan(memory, Search(Scope("large", customer_id="rare"), [], vector, LIST))
        assert "never executed" not in _index_scan(whole)
        assert "_hnsw" not in rare or "never executed" in _index_scan(rare)


def _index_scan(plan: str) -> str:
    return next(line for line in plan.splitlines() if "_hnsw" in line)


async def test_a_move_loses_nothing_and_new_episodes_go_to_the_new_place(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("large", *(indexed(f"e{n}", (1.0, 0.0), "zebra") for n in range(300)))
        await memory.add("small", indexed("e1", (1.0, 0.0), "zebra"))
        await memory.partitions.separate("large")
        await memory.partitions.separate("large")

        assert await memory.add("large", indexed("e1", (1.0, 0.0)), indexed("new", (1.0, 0.0))) == 1
        for table in ("episode", "episode_vector"):
            places = await memory.pool.fetch(
                f"SELECT tenant_id, count(*), count(DISTINCT tableoid) AS tables,"
                f" bool_or(tableoid::regclass::text LIKE '%\\_own\\_%') AS own"
                f" FROM memory.{table} GROUP BY tenant_id ORDER BY tenant_id"
            )
            assert [tuple(row) for row in places] == [("large", 301, 1, True), ("small", 1, 1, False)]
        assert await memory.store.forget("large", "s1") == {"episodes": 301, "vectors": 301}


async def test_writers_and_readers_go_on_while_a_tenant_moves(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("large", *(indexed(f"e{n}", (1.0, 0.0), "zebra") for n in range(500)))

        async def write(tenant: str) -> None:
            for n in range(20):
                await memory.add(tenant, indexed(f"during{n}", (1.0, 0.0), "zebra"))
                assert await memory.recall(None, ["zebra"], scope=Scope(tenant, customer_id="c1"))

        await asyncio.gather(memory.partitions.separate("large"), write("large"), write("small"))
        counts = await memory.pool.fetch(
            "SELECT tenant_id, count(*) FROM memory.episode_vector GROUP BY 1 ORDER BY 1"
        )
        assert [tuple(row) for row in counts] == [("large", 520), ("small", 20)]


async def test_a_recall_that_waits_for_a_move_reads_the_new_place(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        scope = Scope("large", customer_id="c1")
        await memory.add("large", *(indexed(f"e{n}", (1.0, 0.0), "zebra") for n in range(2_000)))
        move = asyncio.create_task(memory.partitions.separate("large"))

        async def read() -> int:
            found = [await memory.recall((1.0, 0.0), ["zebra"], scope=scope) for _ in iter(move.done, True)]
            return sum(not one for one in found)

        assert await asyncio.gather(*(read() for _ in range(4))) == [0, 0, 0, 0]
        await move


async def test_one_replica_at_a_time_does_maintenance(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("large", *(indexed(f"e{n}", (1.0, 0.0)) for n in range(10)))
        async with memory.pool.acquire() as busy, busy.transaction():
            await busy.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('focal memory maintenance', 0))"
            )
            assert await memory.partitions.outgrown(5) == []
        assert await memory.partitions.outgrown(5) == ["large"]


async def test_an_index_left_invalid_by_a_crash_is_built_again(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("large", *(indexed(f"e{n}", (1.0, 0.0)) for n in range(10)))
        await memory.partitions.separate("large")
        await memory.partitions.index(memory.model)
        broken = "UPDATE pg_index SET indisvalid = false WHERE indexrelid::regclass::text LIKE '%hnsw'"
        assert await memory.pool.execute(broken) == "UPDATE 1"
        await memory.partitions.index(memory.model)
        state = "SELECT indisvalid FROM pg_index WHERE indexrelid::regclass::text LIKE '%hnsw'"
        assert await memory.pool.fetchval(state) is True


async def test_word_counts_are_missing_before_the_first_analyze_and_right_after_it(database: str) -> None:
    async with memory_store.adapters(database, dimensions=DIMENSIONS) as memory:
        counts = StatisticsWordCounts(memory.pool, max_age_s=0)
        assert await counts.frequencies("nobody") is None
        await _load(memory, "acme", _vectors(500, seed=1))
        assert await counts.frequencies("acme") is None
        await memory.pool.execute("ANALYZE memory.episode")
        counted = await counts.frequencies("acme")
        assert counted is not None
        assert counted.shares["text"] == pytest.approx(1.0)
        assert counted.shares.get("number7", 0) < 0.05
        assert counted.episodes == 500
