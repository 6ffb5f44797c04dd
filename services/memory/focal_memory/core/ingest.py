"""Takes in a stream of episodes: all of it or, when one is bad, nothing."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass

from focal_embedding import Embedder
from focal_kernel.errors import FieldViolation
from focal_memory import errors
from focal_memory.core import lexemes
from focal_memory.core.embedding_model import EmbeddingModel
from focal_memory.domain import admission
from focal_memory.domain.episode import Episode
from focal_memory.ports import EpisodeStore, Indexed


@dataclass(frozen=True, slots=True)
class Added:
    """How many episodes were new and how many were known before."""

    stored: int
    duplicates: int


class Ingest:
    """Validates, embeds in batches of `batch` texts, and stores in one transaction."""

    def __init__(
        self,
        store: EpisodeStore,
        embedder: Embedder,
        model: EmbeddingModel,
        limits: admission.Limits,
        batch: int,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._model = model
        self._limits = limits
        self._batch = batch

    async def add(self, tenant: str, stream: AsyncIterable[Episode]) -> Added:
        """Durable once this returns. A repeated id changes nothing, so a retry is safe.

        Raises BadEpisode, StreamTooLarge, EmbeddingMismatch and EmbeddingError; then nothing is stored.
        """
        episodes = await self._collect(stream)
        if not episodes:
            return Added(0, 0)
        await self._model.require()
        fresh = await self._unknown(tenant, episodes)
        indexed = await self._index(fresh)
        stored = await self._store.add(tenant, self._model.ours, indexed) if indexed else 0
        return Added(stored, len(episodes) - stored)

    async def _collect(self, stream: AsyncIterable[Episode]) -> list[Episode]:
        episodes: list[Episode] = []
        size = 0
        async for episode in stream:
            self._admit(len(episodes), episode)
            size += len(episode.content.encode())
            if size > self._limits.stream_bytes:
                raise errors.StreamTooLarge("bytes of content", self._limits.stream_bytes)
            episodes.append(episode)
        return episodes

    def _admit(self, index: int, episode: Episode) -> None:
        if index >= self._limits.stream_episodes:
            raise errors.StreamTooLarge("episodes", self._limits.stream_episodes)
        faults = admission.faults(episode, self._limits)
        if faults:
            violations = [FieldViolation(fault.field, fault.description) for fault in faults]
            raise errors.BadEpisode(faults[0].reason, index, episode.episode_id, violations)

    async def _unknown(self, tenant: str, episodes: Sequence[Episode]) -> list[Episode]:
        """Without those stored before and without repeats, the first of which counts."""
        first: dict[str, Episode] = {}
        for episode in episodes:
            first.setdefault(episode.episode_id, episode)
        known = await self._store.known(tenant, list(first))
        return [episode for episode in first.values() if episode.episode_id not in known]

    async def _index(self, episodes: Sequence[Episode]) -> list[Indexed]:
        indexed: list[Indexed] = []
        for start in range(0, len(episodes), self._batch):
            batch = episodes[start : start + self._batch]
            vectors = await self._embedder.embed([episode.content for episode in batch])
            indexed.extend(
                Indexed(episode, lexemes.of(episode.content), vector.tolist())
                for episode, vector in zip(batch, vectors, strict=True)
            )
        return indexed
