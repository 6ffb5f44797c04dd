"""Storing, recalling and forgetting in real PostgreSQL, with vectors made by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from focal_memory import errors
from focal_memory.adapters.postgres.statement import Tuning
from focal_memory.domain.question import Scope
from focal_memory.ports import Model
from tests.fakes import memory_store
from tests.fakes.memory_store import LONG_AGO, ids, indexed

pytestmark = pytest.mark.migrated("focal_memory")

EAST, NORTH, NORTH_EAST = (1.0, 0.0), (0.0, 1.0), (0.7071, 0.7071)


async def test_an_episode_is_found_by_words_alone_and_by_vector_alone(database: str) -> None:
    async with memory_store.adapters(database, tuning=Tuning(list_depth=1)) as memory:
        await memory.add("acme", indexed("near", EAST, "tea"), indexed("named", NORTH, "zebra"))
        found = {
            one.episode.episode_id: (one.vector_rank, one.lexical_rank)
            for one in await memory.recall(EAST, ["zebra"], limit=1)
        }
        assert found == {"named": (0, 1)}
        found = {
            one.episode.episode_id: (one.vector_rank, one.lexical_rank)
            for one in await memory.recall(EAST, ["unheard"], limit=1)
        }
        assert found == {"near": (1, 0)}


async def test_being_in_both_lists_beats_being_first_in_one(database: str) -> None:
    async with memory_store.adapters(database, tuning=Tuning(list_depth=2)) as memory:
        await memory.add(
            "acme",
            indexed("first by vector", EAST),
            indexed("second in both", NORTH_EAST, "zebra"),
            indexed("first by words", NORTH, "zebra", "parcel"),
        )
        found = await memory.recall(EAST, ["zebra", "parcel"], limit=2)
        assert ids(found) == ["second in both", "first by words"]


async def test_one_matching_word_is_enough_and_more_are_better(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("acme", indexed("one", EAST, "zebra"), indexed("two", EAST, "zebra", "parcel"))
        assert ids(await memory.recall(None, ["zebra", "parcel", "unheard"])) == ["two", "one"]


async def test_without_vector_and_words_nothing_is_found(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("acme", indexed("e1", EAST, "zebra"))
        assert await memory.recall(None, []) == []


async def test_of_equal_matches_the_newer_comes_first(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add(
            "acme",
            indexed("new", EAST, "zebra", occurred_at=LONG_AGO + timedelta(days=1)),
            indexed("old", EAST, "zebra"),
        )
        assert ids(await memory.recall(None, ["zebra"])) == ["new", "old"]


async def test_a_scope_is_a_customer_a_session_or_both(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add(
            "acme",
            indexed("a", EAST, "zebra", customer_id="c1", session_id="s1"),
            indexed("b", EAST, "zebra", customer_id="c1", session_id="s2"),
            indexed("c", EAST, "zebra", customer_id="c2", session_id="s3"),
            indexed("d", EAST, "zebra", customer_id="", session_id="s4"),
        )
        for vector, words in ((EAST, []), (None, ["zebra"])):
            customer = await memory.recall(vector, words, scope=Scope("acme", customer_id="c1"))
            session = await memory.recall(vector, words, scope=Scope("acme", session_id="s4"))
            both = await memory.recall(vector, words, scope=Scope("acme", customer_id="c1", session_id="s2"))
            neither = await memory.recall(
                vector, words, scope=Scope("acme", customer_id="c2", session_id="s1")
            )
            assert set(ids(customer)) == {"a", "b"}
            assert ids(session) == ["d"]
            assert ids(both) == ["b"]
            assert neither == []


async def test_tenants_with_the_same_ids_never_meet(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("acme", indexed("e1", EAST, "zebra", "acme"))
        assert await memory.store.known("rival", ["e1"]) == set()
        assert await memory.add("rival", indexed("e1", EAST, "zebra", "rival")) == 1
        found = await memory.recall(EAST, ["zebra"], scope=Scope("rival", customer_id="c1"))
        assert [one.episode.content for one in found] == ["zebra rival"]
        await memory.store.forget("rival", "s1")
        assert ids(await memory.recall(EAST, ["zebra"])) == ["e1"]


async def test_writers_that_race_with_the_same_ids_store_each_once(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        batch = [indexed(f"e{n}", EAST, "zebra") for n in range(50)]
        stored = await asyncio.gather(*(memory.add("acme", *batch) for _ in range(4)))
        assert sum(stored) == 50
        assert await memory.pool.fetchval("SELECT count(*) FROM memory.episode_vector") == 50


async def test_recall_as_of_a_moment_finds_what_was_true_then(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        paris = {"occurred_at": LONG_AGO, "valid_to": datetime(2022, 1, 1, tzinfo=UTC)}
        rome = {"occurred_at": datetime(2022, 1, 1, tzinfo=UTC)}
        await memory.add(
            "acme", indexed("paris", EAST, "home", **paris), indexed("rome", EAST, "home", **rome)
        )
        moments = {
            datetime(2019, 1, 1, tzinfo=UTC): [],
            datetime(2021, 1, 1, tzinfo=UTC): ["paris"],
            datetime(2022, 1, 1, tzinfo=UTC): ["rome"],
            None: ["rome"],
        }
        for moment, expected in moments.items():
            assert ids(await memory.recall(EAST, [], valid_at=moment)) == expected
            assert ids(await memory.recall(None, ["home"], valid_at=moment)) == expected


async def test_recall_as_known_at_a_moment_finds_the_version_of_then(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("acme", indexed("e1", EAST, "home"))
        await _learn_an_end(memory, datetime(2022, 1, 1, tzinfo=UTC))
        known = [
            await memory.pool.fetchval(f"SELECT {moment} FROM memory.episode WHERE valid_to = 'infinity'")
            for moment in ("recorded_at - interval '1 us'", "recorded_at", "retired_at")
        ]
        for vector, words in ((EAST, []), (None, ["home"])):
            found = [await memory.recall(vector, words, known_at=moment) for moment in known]
            assert [ids(one) for one in found] == [[], ["e1"], []]
            then = datetime(2021, 1, 1, tzinfo=UTC)
            later = await memory.recall(vector, words, known_at=known[2], valid_at=then)
            assert [one.episode.valid_to for one in later] == [datetime(2022, 1, 1, tzinfo=UTC)]
        assert await memory.store.known("acme", ["e1"]) == {"e1"}


async def _learn_an_end(memory: memory_store.Adapters, end: datetime) -> None:
    """As a later release will: the version that had no end is retired, one with an end takes its place."""
    async with memory.pool.acquire() as connection, connection.transaction():
        for table, columns in (
            ("episode", "episode_id, content, kind, source, metadata, words, no + 1000"),
            ("episode_vector", "embedding, no + 1000"),
        ):
            shared = "tenant_id, session_id, customer_id, valid_from"
            await connection.execute(f"UPDATE memory.{table} SET retired_at = now()")
            await connection.execute(
                f"INSERT INTO memory.{table} ({columns.replace(' + 1000', '')}, {shared},"
                " valid_to, recorded_at, retired_at)"
                f" SELECT {columns}, {shared}, $1, now(), 'infinity' FROM memory.{table}",
                end,
            )


async def test_forgetting_leaves_no_row_of_the_group_in_any_table(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("acme", *(indexed(f"e{n}", EAST, "zebra") for n in range(3)))
        await memory.add("acme", indexed("other", EAST, "zebra", session_id="s2"))
        await _learn_an_end(memory, datetime(2022, 1, 1, tzinfo=UTC))

        assert await memory.store.forget("acme", "s1") == {"episodes": 6, "vectors": 6}

        tables = await memory.pool.fetch(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'memory'"
            " AND column_name = 'session_id' AND table_name <> 'forgotten_group'"
        )
        assert {"episode", "episode_vector"} <= {row["table_name"] for row in tables}
        for row in tables:
            left = f"SELECT count(*) FROM memory.{row['table_name']} WHERE session_id = 's1'"
            assert await memory.pool.fetchval(left) == 0
        assert await memory.pool.fetchval("SELECT count(*) FROM memory.episode WHERE session_id = 's2'") == 2
        assert await memory.store.forget("acme", "s1") == {"episodes": 0, "vectors": 0}


async def test_a_late_retry_does_not_revive_what_was_forgotten(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("acme", indexed("old", EAST, "zebra"))
        await memory.store.forget("acme", "s1")
        assert await memory.add("acme", indexed("old", EAST, "zebra")) == 0
        later = datetime.now(UTC) + timedelta(seconds=1)
        assert await memory.add("acme", indexed("new", EAST, "zebra", occurred_at=later)) == 1


async def test_a_writer_of_another_model_is_stopped_by_the_store_itself(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("acme", indexed("e1", EAST))
        await memory.renewal.switch(Model("newer", 3))
        with pytest.raises(errors.EmbeddingMismatch):
            await memory.add("acme", indexed("e2", EAST))
        assert await memory.store.known("acme", ["e2"]) == set()


async def test_vectors_are_renewed_for_all_episodes_after_a_change_of_model(database: str) -> None:
    async with memory_store.adapters(database) as memory:
        await memory.add("acme", *(indexed(f"e{n}", EAST) for n in range(3)))
        await memory.partitions.separate("acme")
        await memory.partitions.index(memory.model)
        await memory.add("rival", indexed("e1", EAST))
        await memory.renewal.switch(Model("newer", 3))

        first = await memory.renewal.unembedded(None, 2)
        await memory.renewal.fill(first, [[0.0, 0.0, 1.0]] * 2)
        rest = await memory.renewal.unembedded(first[-1], 10)
        assert len(rest) == 2
        await memory.renewal.fill(rest, [[0.0, 0.0, 1.0]] * 2)
        await memory.partitions.index(Model("newer", 3))

        assert await memory.renewal.unembedded(None, 10) == []
        lengths = await memory.pool.fetch("SELECT vector_dims(embedding) AS n FROM memory.episode_vector")
        assert [row["n"] for row in lengths] == [3, 3, 3, 3]
