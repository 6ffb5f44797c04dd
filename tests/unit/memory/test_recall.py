"""Asking the store."""

from __future__ import annotations

import pytest

from focal_kernel.errors import InvalidArgument
from focal_memory import errors
from focal_memory.core.embedding_model import EmbeddingModel
from focal_memory.core.recall import Recall
from focal_memory.domain.question import Question, Scope
from focal_memory.domain.rarity import Choice, Frequencies
from focal_memory.ports import Model, Search
from tests.fakes import memory

MINE = Scope("acme", customer_id="c1")


class Desk:
    """A Recall over fakes."""

    def __init__(self, *, stored: Model | None = None, counted: Frequencies | None = None) -> None:
        self.store = memory.Store()
        self.embedder = memory.Embedder()
        self.register = memory.ModelRegister(stored)
        self._recall = Recall(
            self.store,
            memory.WordCounts(counted),
            self.embedder,
            EmbeddingModel(self.register, self.embedder),
            Choice(),
            max_chars=100,
        )

    async def ask(self, text: str) -> Search:
        await self._recall.find(Question(MINE, text))
        return self.store.searches[-1]


async def test_the_store_is_asked_with_vector_and_telling_words() -> None:
    search = await Desk().ask("Where is my parcel?")
    assert search.vector == [1.0, 0.0]
    assert [found.word for found in search.words] == ["parcel"]


async def test_counted_words_are_preferred_to_assumptions() -> None:
    counted = Frequencies({"parcel": 0.5, "where": 0.001}, floor=0.001, episodes=1e6)
    search = await Desk(counted=counted).ask("where parcel")
    assert [found.word for found in search.words] == ["where"]


async def test_words_alone_decide_while_the_embedding_model_is_away() -> None:
    desk = Desk()
    desk.embedder.away = True
    search = await desk.ask("parcel")
    assert search.vector is None
    assert [found.word for found in search.words] == ["parcel"]


async def test_a_question_without_words_is_asked_by_vector() -> None:
    search = await Desk().ask("?!")
    assert search.words == []
    assert search.vector is not None


async def test_a_bad_question_never_reaches_the_store() -> None:
    desk = Desk()
    with pytest.raises(InvalidArgument):
        await desk.ask("x" * 101)
    assert desk.store.searches == []


async def test_vectors_of_another_model_are_not_compared() -> None:
    desk = Desk(stored=Model("fake-v1", 3))
    with pytest.raises(errors.EmbeddingMismatch):
        await desk.ask("parcel")
    assert desk.store.searches == []


async def test_the_model_is_compared_once_not_per_question() -> None:
    desk = Desk()
    await desk.ask("parcel")
    await desk.ask("parcel")
    assert desk.register.asked == 1
