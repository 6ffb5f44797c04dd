"""The offline embedding: words, their beginnings and character n-grams, hashed into a fixed number
of dimensions.

No model, no download, no training: a text becomes the sum of its words' vectors, and a word's
vector holds the hashed features of its spelling. So texts are near when they share words or parts
of words; inflections, compounds and typing errors still overlap, synonyms and translations do not.
Feature hashing with signs after Weinberger et al., "Feature Hashing for Large Scale Multitask
Learning" (2009); subwords after Bojanowski et al., "Enriching Word Vectors with Subword
Information" (2017).
"""

import asyncio
import functools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from focal_embedding import words
from focal_embedding.embedder import Thresholds, Vectors
from focal_embedding.function_words import CONVERSATION_WORDS, FUNCTION_WORDS

DIMENSIONS = 384
VERSION = "hashed-v1"  # part of the model's name: raise it with any change that moves a vector

WORD_SHARE, STEM_SHARE, GRAM_SHARE = 0.3, 0.3, 0.4  # of a word's squared length
STEM_LENGTH = 6  # letters; endings that inflect are rarely among the first six
GRAM_LENGTH = 3
LONGEST_WORD = 64  # letters that count; bounds the work that one hostile word can cause
FUNCTION_WORD_WEIGHT = 0.15
CONVERSATION_WORD_WEIGHT = 0.1
NUMBER_WEIGHT = 0.5  # an order number identifies, but says nothing about what is wanted
TEXTS_PER_SLICE = 200  # about 10 ms of work between two chances for other tasks

_CACHED_WORDS = 8192  # 12 MB at 384 dimensions

THRESHOLDS = Thresholds(
    rule=0.53,
    scenario_entry=0.40,
    transition=0.27,
    sanity=0.14,
    margin=0.07,
    relocalization=0.14,
)
"""Measured by `python -m benchmarks.embedding_calibration`; its README holds the separation
reached. They fit 384 dimensions; fewer make the noise of hash collisions louder.
"""


class HashedEmbedder:
    """Deterministic across processes and machines; a text of 200 characters costs 0.05 ms of CPU,
    0.5 ms when none of its words was seen before.
    """

    def __init__(self, dimensions: int = DIMENSIONS, thresholds: Thresholds = THRESHOLDS) -> None:
        self._dimensions = dimensions
        self._thresholds = thresholds
        self._word_vector = functools.lru_cache(_CACHED_WORDS)(self._hash_word)

    @property
    def model(self) -> str:
        return f"{VERSION}/{self._dimensions}"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def thresholds(self) -> Thresholds:
        return self._thresholds

    async def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self._dimensions), np.float32)
        for i, text in enumerate(texts):
            if i and i % TEXTS_PER_SLICE == 0:
                await asyncio.sleep(0)
            vectors[i] = self.vector(text)
        return vectors

    def vector(self, text: str) -> NDArray[np.float32]:
        """The unit vector of one text, shape (dimensions,)."""
        counts = Counter(words.split(text) or [text.strip() or "<empty>"])
        weights = np.array([weight(word) * (1 + math.log(n)) for word, n in counts.items()], np.float32)
        total = weights @ np.stack([self._word_vector(word[:LONGEST_WORD]) for word in counts])
        unit: NDArray[np.float32] = total / np.linalg.norm(total)
        return unit

    def _hash_word(self, word: str) -> NDArray[np.float32]:
        places: list[int] = []
        heights: list[float] = []
        for features, share in _features(word):
            height = math.sqrt(share / len(features))
            for code in map(_hash, features):
                places.append((code >> 1) % self._dimensions)
                heights.append(height if code & 1 else -height)
        vector = np.bincount(places, heights, self._dimensions)
        length = math.sqrt(vector @ vector)  # not 0: the groups' heights differ and cannot cancel
        return (vector / length).astype(np.float32)


def weight(word: str) -> float:
    """How much a word tells about the subject of a text, 0…1."""
    if word in CONVERSATION_WORDS:
        return CONVERSATION_WORD_WEIGHT
    if word in FUNCTION_WORDS:
        return FUNCTION_WORD_WEIGHT
    return NUMBER_WEIGHT if word.isdigit() else 1.0


def _features(word: str) -> Iterator[tuple[list[str], float]]:
    """Groups of features, each with its share of the word's squared length."""
    framed = f"<{word}>"
    grams = [f"g:{framed[i : i + GRAM_LENGTH]}" for i in range(len(framed) - GRAM_LENGTH + 1)]
    yield [f"w:{word}"], WORD_SHARE
    yield [f"s:{word[:STEM_LENGTH]}"], STEM_SHARE
    yield grams, GRAM_SHARE


def _hash(feature: str) -> int:
    digest = blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
