"""Recall over real gRPC and real PostgreSQL, with the embedding that ships."""

from __future__ import annotations

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from focal_embedding import EmbeddingSettings
from tests.fakes import memory_server
from tests.fakes.memory_server import episode, moment

pytestmark = pytest.mark.migrated("focal_memory")


async def test_what_was_added_is_recalled_with_everything_it_was_added_with(database: str) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        added = episode("e1", "My parcel never arrived", metadata={"channel": "whatsapp"}, type=2)
        response = await memory.add(added, episode("e2", "I like tea"))
        assert (response.stored, response.duplicates) == (2, 0)

        best = (await memory.recall("where is the parcel?", customer_id="c1"))[0]

        assert best.episode.HasField("recorded_at")
        assert best.episode.group_id == "acme:s1"
        best.episode.ClearField("recorded_at")
        best.episode.ClearField("group_id")
        assert best.episode == added
        assert (best.vector_rank, best.lexical_rank) == (1, 1)


@pytest.mark.parametrize("analyzed", [False, True])
async def test_a_natural_question_finds_what_not_all_of_its_words_are_in(
    database: str, analyzed: bool
) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        await memory.add(
            episode("shoes", "The blue shoes were too small, I sent them back in March"),
            episode("refund", "Your refund of 42 EUR was paid to your credit card"),
            episode("lamp", "Is the desk lamp available with a longer cable?"),
            *(episode(f"chat{n}", f"Thank you, have a nice day number {n}") for n in range(30)),
        )
        if analyzed:
            await _execute(database, "ANALYZE memory.episode")
        questions = {
            "Can you tell me again why I returned those shoes last spring?": "shoes",
            "When exactly did I get my money, the refund I mean?": "refund",
            "What did I ask you about the lamp some time ago?": "lamp",
        }
        for question, expected in questions.items():
            best = (await memory.recall(question, customer_id="c1"))[0]
            assert best.episode.episode_id == expected
            assert best.lexical_rank > 0


@pytest.mark.parametrize(
    ("content", "question"),
    [
        ("Посылка для Натальи Кузнецовой потерялась", "Кузнецовой"),
        ("العميل محمد يريد استرداد المبلغ", "محمد"),
        ("田中太郎さんが返品を希望しています", "田中太郎"),
        ("고객 김민준 님이 환불을 요청했습니다", "김민준"),
        ("Zoë Müller möchte die Rücksendung stornieren", "zoe muller"),
        ("κύριος Παπαδόπουλος ακύρωσε την παραγγελία", "Παπαδοπουλος"),
    ],
)
async def test_names_in_any_script_are_found_by_their_words(
    database: str, content: str, question: str
) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        await memory.add(episode("named", content), episode("other", "nothing of interest"))
        best = (await memory.recall(question, customer_id="c1"))[0]
        assert (best.episode.episode_id, best.lexical_rank) == ("named", 1)


async def test_recall_reaches_over_all_sessions_of_a_customer_or_stays_in_one(database: str) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        await memory.add(
            episode("e1", "parcel", session_id="s1"),
            episode("e2", "parcel", session_id="s2"),
            episode("e3", "parcel", session_id="s3", customer_id="c2"),
        )
        assert set(await memory.found("parcel", customer_id="c1")) == {"e1", "e2"}
        assert await memory.found("parcel", session_id="s2") == ["e2"]
        assert await memory.found("parcel", session_id="s3", customer_id="c1") == []


async def test_no_tenant_sees_or_erases_what_another_holds(database: str) -> None:
    async with memory_server.serving(database) as running:
        mine, theirs = memory_server.client(running, "acme"), memory_server.client(running, "rival")
        await mine.add(episode("e1", "parcel of acme"))
        assert (await theirs.add(episode("e1", "parcel of rival"))).stored == 1
        assert await theirs.forget("s1") == {"episodes": 1, "vectors": 1}
        [left] = await mine.recall("parcel", customer_id="c1")
        assert left.episode.content == "parcel of acme"
        assert await theirs.recall("parcel", customer_id="c1") == []


async def test_recall_as_of_a_moment_finds_what_was_true_and_known_then(database: str) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        await memory.add(episode("paris", "lives in Paris", occurred_at=moment(2020), valid_to=moment(2022)))
        [first] = await memory.recall("lives", customer_id="c1", valid_at=moment(2021))
        await memory.add(episode("rome", "lives in Rome", occurred_at=moment(2022)))

        async def at(valid: Timestamp | None = None, known: Timestamp | None = None) -> list[str]:
            return await memory.found("lives", customer_id="c1", valid_at=valid, known_at=known)

        learnt = first.episode.recorded_at
        assert await at() == ["rome"]
        assert await at(valid=moment(2021)) == ["paris"]
        assert await at(valid=moment(2019)) == []
        assert await at(known=learnt) == []
        assert await at(valid=moment(2021), known=learnt) == ["paris"]
        assert await at(valid=moment(2021), known=moment(2024)) == []


async def test_words_still_find_while_the_embedding_model_is_away(database: str) -> None:
    async with memory_server.serving(database) as running:
        await memory_server.client(running).add(episode("e1", "zebra crossing"))
    await _execute(database, "UPDATE memory.embedding_model SET model = 'gone/384'")
    away = EmbeddingSettings(
        provider="openai", model="gone", base_url="http://127.0.0.1:1/v1", max_retries=0, timeout_s=1
    )
    async with memory_server.serving(database, embedding=away) as running:
        [found] = await memory_server.client(running).recall("zebra", customer_id="c1")
        assert (found.vector_rank, found.lexical_rank) == (0, 1)


async def test_no_more_episodes_are_returned_than_asked_for(database: str) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        await memory.add(*(episode(f"e{n}", f"parcel {n}") for n in range(60)))
        assert len(await memory.recall("parcel", customer_id="c1")) == 15
        assert len(await memory.recall("parcel", customer_id="c1", limit=3)) == 3
        assert len(await memory.recall("parcel", customer_id="c1", limit=50)) == 50


async def _execute(database: str, statement: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(statement)
    await connection.close()
