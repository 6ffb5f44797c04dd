"""What core needs from the outside; each port has an in-memory twin in tests/fakes/memory.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from focal_memory.domain.episode import Episode, Recalled
from focal_memory.domain.question import Scope
from focal_memory.domain.rarity import Frequencies, Weighted


@dataclass(frozen=True, slots=True)
class Indexed:
    """An episode with the words it is found by and its unit vector."""

    episode: Episode
    words: Sequence[str]
    vector: Sequence[float]


@dataclass(frozen=True, slots=True)
class Search:
    """A question as the store takes it.

    `vector` is None when no embedding is to be had: then words alone decide. `words` may be empty.
    """

    scope: Scope
    words: Sequence[Weighted]
    vector: Sequence[float] | None
    limit: int
    valid_at: datetime | None = None
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """An embedding model as the store knows it."""

    name: str
    dimensions: int


class EpisodeStore(Protocol):
    """Keeps the episodes of all tenants apart."""

    async def known(self, tenant: str, episode_ids: Sequence[str]) -> set[str]:
        """Which of the ids are stored for the tenant."""
        ...

    async def add(self, tenant: str, model: Model, episodes: Sequence[Indexed]) -> int:
        """Store all in one transaction and return how many were new.

        Known ids and episodes from before their group was forgotten are left out. Raises
        EmbeddingMismatch when the vectors are of another model than the store's.
        """
        ...

    async def recall(self, search: Search) -> list[Recalled]:
        """The episodes that fit best, best first."""
        ...

    async def forget(self, tenant: str, session_id: str) -> Mapping[str, int]:
        """Erase a group, every kind and version of row; rows erased by kind.

        Episodes that happened before this moment are not stored again, so a late retry revives nothing.
        """
        ...


class WordCounts(Protocol):
    """How common words are among a tenant's neighbours in the store."""

    async def frequencies(self, tenant: str) -> Frequencies | None:
        """The last count, None when there is none yet."""
        ...


class ModelRegister(Protocol):
    """Remembers which model the stored vectors come from."""

    async def claim(self, model: Model) -> Model:
        """The store's model, which is `model` when it had none."""
        ...


class TenantPartitions(Protocol):
    """Gives large tenants room and an index of their own."""

    async def outgrown(self, episodes: int) -> Sequence[str]:
        """Tenants in the shared part with more than `episodes` episodes."""
        ...

    async def separate(self, tenant: str) -> None:
        """Move the tenant's rows into partitions of its own; nothing happens when it has them."""
        ...

    async def index(self, model: Model) -> None:
        """Build the vector indexes that separated tenants still lack."""
        ...


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A stored text without a vector, and the place it has in the order they are read in."""

    tenant: str
    no: int
    content: str


class VectorRenewal(Protocol):
    """Replaces all vectors after a change of the embedding model; can be taken up where it stopped."""

    async def switch(self, model: Model) -> None:
        """Make `model` the store's and drop the vectors of any other; nothing happens when it is already."""
        ...

    async def unembedded(self, after: Unembedded | None, limit: int) -> Sequence[Unembedded]:
        """The next texts without a vector; empty at the end."""
        ...

    async def fill(self, texts: Sequence[Unembedded], vectors: Sequence[Sequence[float]]) -> None:
        """Store one vector per text."""
        ...
