"""Taking in a stream of episodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from focal_embedding import EmbeddingError
from focal_memory import errors
from focal_memory.core.embedding_model import EmbeddingModel
from focal_memory.core.ingest import Added, Ingest
from focal_memory.domain.admission import Limits
from focal_memory.domain.episode import Episode
from focal_memory.ports import Model
from tests.fakes import memory


def _episode(episode_id: str, content: str = "hello") -> Episode:
    return Episode(episode_id, "s1", content, datetime(2025, 1, 1, tzinfo=UTC))


async def _stream(episodes: Sequence[Episode]) -> AsyncIterator[Episode]:
    for episode in episodes:
        yield episode


class Desk:
    """An Ingest over fakes."""

    def __init__(self, *, limits: Limits | None = None, batch: int = 10, stored: Model | None = None) -> None:
        self.store = memory.Store()
        self.embedder = memory.Embedder()
        model = EmbeddingModel(memory.ModelRegister(stored), self.embedder)
        self._ingest = Ingest(self.store, self.embedder, model, limits or Limits(), batch)

    async def add(self, *episodes: Episode) -> Added:
        return await self._ingest.add("acme", _stream(episodes))


async def test_a_retry_stores_nothing_and_embeds_nothing() -> None:
    desk = Desk()
    assert await desk.add(_episode("e1"), _episode("e2")) == Added(2, 0)
    assert await desk.add(_episode("e1"), _episode("e2"), _episode("e3")) == Added(1, 2)
    assert desk.embedder.batches == [2, 1]


async def test_an_id_repeated_within_a_stream_counts_once_and_the_first_wins() -> None:
    desk = Desk()
    assert await desk.add(_episode("e1", "first"), _episode("e1", "second")) == Added(1, 1)
    assert desk.store.held["acme", "e1"].episode.content == "first"


async def test_texts_are_embedded_in_batches() -> None:
    desk = Desk(batch=4)
    await desk.add(*(_episode(f"e{n}") for n in range(10)))
    assert desk.embedder.batches == [4, 4, 2]


async def test_a_bad_episode_is_named_and_nothing_of_its_stream_is_stored() -> None:
    desk = Desk()
    with pytest.raises(errors.BadEpisode) as caught:
        await desk.add(_episode("e1"), _episode("e2", content=""))
    assert caught.value.reason == "EMPTY_TEXT"
    assert caught.value.metadata == {"index": "1", "episode_id": "e2"}
    assert caught.value.violations[0].field == "episodes[1].content"
    assert desk.store.held == {}


async def test_a_stream_over_its_limits_is_refused_before_it_is_embedded() -> None:
    desk = Desk(limits=Limits(stream_episodes=2, stream_bytes=10))
    with pytest.raises(errors.StreamTooLarge, match="2 episodes"):
        await desk.add(*(_episode(f"e{n}", "x") for n in range(3)))
    with pytest.raises(errors.StreamTooLarge, match="10 bytes"):
        await desk.add(_episode("e1", "x" * 6), _episode("e2", "x" * 6))
    assert desk.embedder.batches == []


async def test_nothing_is_stored_while_the_embedding_model_is_away() -> None:
    desk = Desk()
    desk.embedder.away = True
    with pytest.raises(EmbeddingError):
        await desk.add(_episode("e1"))
    assert desk.store.held == {}


async def test_nothing_is_stored_beside_vectors_of_another_model() -> None:
    desk = Desk(stored=Model("other-v1", 2))
    with pytest.raises(errors.EmbeddingMismatch, match="other-v1"):
        await desk.add(_episode("e1"))
    assert desk.store.held == {}


async def test_an_empty_stream_is_no_error() -> None:
    assert await Desk().add() == Added(0, 0)
