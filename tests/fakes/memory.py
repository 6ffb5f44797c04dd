"""Memory's ports in memory, and an embedder that can be taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from focal_embedding import EmbeddingError, Thresholds, Vectors
from focal_memory.domain.episode import Recalled
from focal_memory.domain.rarity import Frequencies
from focal_memory.ports import Indexed, Model, Search, Unembedded


@dataclass
class Store:
    """An EpisodeStore that recalls every episode of the tenant, and remembers what it was asked."""

    held: dict[tuple[str, str], Indexed] = field(default_factory=dict)
    searches: list[Search] = field(default_factory=list)

    async def known(self, tenant: str, episode_ids: Sequence[str]) -> set[str]:
        return {episode_id for episode_id in episode_ids if (tenant, episode_id) in self.held}

    async def add(self, tenant: str, model: Model, episodes: Sequence[Indexed]) -> int:
        before = len(self.held)
        for indexed in episodes:
            self.held.setdefault((tenant, indexed.episode.episode_id), indexed)
        return len(self.held) - before

    async def recall(self, search: Search) -> list[Recalled]:
        self.searches.append(search)
        found = [one.episode for (tenant, _), one in self.held.items() if tenant == search.scope.tenant]
        return [Recalled(episode, 1.0, 1, 0) for episode in found][: search.limit]

    async def forget(self, tenant: str, session_id: str) -> Mapping[str, int]:
        erased = [
            key
            for key, indexed in self.held.items()
            if key[0] == tenant and indexed.episode.session_id == session_id
        ]
        for key in erased:
            del self.held[key]
        return {"episodes": len(erased), "vectors": len(erased)}


@dataclass
class WordCounts:
    """Counts set by the test."""

    counted: Frequencies | None = None

    async def frequencies(self, tenant: str) -> Frequencies | None:
        return self.counted


@dataclass
class ModelRegister:
    """Remembers the first model that claims it; counts how often it was asked."""

    stored: Model | None = None
    asked: int = 0

    async def claim(self, model: Model) -> Model:
        self.asked += 1
        self.stored = self.stored or model
        return self.stored


@dataclass
class Partitions:
    """Tenants by their number of episodes, and what was done for them."""

    sharing: dict[str, int] = field(default_factory=dict)
    own: list[str] = field(default_factory=list)
    indexed: list[Model] = field(default_factory=list)

    async def outgrown(self, episodes: int) -> Sequence[str]:
        return [tenant for tenant, held in self.sharing.items() if held > episodes]

    async def separate(self, tenant: str) -> None:
        del self.sharing[tenant]
        self.own.append(tenant)

    async def index(self, model: Model) -> None:
        self.indexed.append(model)


@dataclass
class Renewal:
    """A VectorRenewal over a list of texts."""

    texts: list[Unembedded]
    model: Model | None = None
    filled: dict[int, Sequence[float]] = field(default_factory=dict)

    async def switch(self, model: Model) -> None:
        if model != self.model:
            self.filled.clear()
        self.model = model

    async def unembedded(self, after: Unembedded | None, limit: int) -> Sequence[Unembedded]:
        start = after.no if after else 0
        return [text for text in self.texts if text.no > start and text.no not in self.filled][:limit]

    async def fill(self, texts: Sequence[Unembedded], vectors: Sequence[Sequence[float]]) -> None:
        self.filled |= {text.no: vector for text, vector in zip(texts, vectors, strict=True)}


@dataclass
class Embedder:
    """Every text gets the same vector; `batches` are the sizes it was asked for, `away` makes it fail."""

    model: str = "fake-v1"
    dimensions: int = 2
    thresholds: Thresholds = field(default_factory=Thresholds)
    away: bool = False
    batches: list[int] = field(default_factory=list)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if self.away:
            raise EmbeddingError("the model is away")
        self.batches.append(len(texts))
        return np.tile(np.array([1, 0], np.float32), (len(texts), 1))
