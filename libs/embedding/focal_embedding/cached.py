"""Remembers the vectors of recent texts, so that a repeated text costs no request."""

from collections.abc import Sequence

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from focal_embedding.embedder import Embedder, Thresholds, Vectors


class CachedEmbedder:
    """An embedder in front of another; holds at most `max_entries` vectors, least recently used
    goes first.

    Vectors of one model never change, so entries do not expire. Concurrent misses of the same text
    may each ask.
    """

    def __init__(self, inner: Embedder, max_entries: int) -> None:
        self._inner = inner
        self._vectors: LRUCache[str, NDArray[np.float32]] = LRUCache(max_entries)

    @property
    def model(self) -> str:
        return self._inner.model

    @property
    def dimensions(self) -> int:
        return self._inner.dimensions

    @property
    def thresholds(self) -> Thresholds:
        return self._inner.thresholds

    async def embed(self, texts: Sequence[str]) -> Vectors:
        known = {text: self._vectors.get(text) for text in texts}
        missing = [text for text, vector in known.items() if vector is None]
        if missing:
            fresh = await self._inner.embed(missing)
            known.update(zip(missing, fresh, strict=True))
            self._vectors.update(zip(missing, fresh, strict=True))
        return np.array([known[text] for text in texts], dtype=np.float32).reshape(-1, self.dimensions)
