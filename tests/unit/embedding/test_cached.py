from collections.abc import Sequence

import numpy as np

from focal_embedding import Thresholds, Vectors
from focal_embedding.cached import CachedEmbedder
from focal_embedding.hashed import HashedEmbedder


class CountingEmbedder:
    model = "counting"
    dimensions = 384
    thresholds = Thresholds(rule=0.1)

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        return await HashedEmbedder().embed(texts)


async def test_a_known_text_is_not_asked_again() -> None:
    inner = CountingEmbedder()
    cached = CachedEmbedder(inner, 10)
    first = await cached.embed(["a b", "c d"])
    second = await cached.embed(["c d", "e f", "a b"])
    assert inner.asked == [["a b", "c d"], ["e f"]]
    assert np.array_equal(second[[2, 0]], first)


async def test_a_text_that_repeats_within_one_call_is_asked_once() -> None:
    inner = CountingEmbedder()
    vectors = await CachedEmbedder(inner, 10).embed(["a", "a", "a"])
    assert inner.asked == [["a"]]
    assert vectors.shape == (3, 384)


async def test_the_least_recently_used_text_is_forgotten_first() -> None:
    inner = CountingEmbedder()
    cached = CachedEmbedder(inner, 2)
    for text in ("a", "b", "a", "c", "a", "b"):
        await cached.embed([text])
    assert inner.asked == [["a"], ["b"], ["c"], ["b"]]


async def test_more_texts_than_the_cache_holds_are_all_answered() -> None:
    vectors = await CachedEmbedder(CountingEmbedder(), 2).embed(["a", "b", "c", "d"])
    assert np.array_equal(vectors, await HashedEmbedder().embed(["a", "b", "c", "d"]))


async def test_no_texts_ask_nobody() -> None:
    inner = CountingEmbedder()
    assert (await CachedEmbedder(inner, 2).embed([])).shape == (0, 384)
    assert inner.asked == []


def test_the_inner_embedders_identity_shows_through() -> None:
    cached = CachedEmbedder(CountingEmbedder(), 2)
    assert (cached.model, cached.dimensions, cached.thresholds.rule) == ("counting", 384, 0.1)
