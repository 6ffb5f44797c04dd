"""Embeds everything again with another model."""

from __future__ import annotations

from focal_embedding import Embedder
from focal_memory.ports import Model, TenantPartitions, Unembedded, VectorRenewal


class RenewVectors:
    """Works `batch` texts at a time; a run that was cut off goes on where it stopped."""

    def __init__(
        self, renewal: VectorRenewal, partitions: TenantPartitions, embedder: Embedder, batch: int
    ) -> None:
        self._renewal = renewal
        self._partitions = partitions
        self._embedder = embedder
        self._batch = batch

    async def run(self) -> int:
        """The number of texts embedded."""
        model = Model(self._embedder.model, self._embedder.dimensions)
        await self._renewal.switch(model)
        done = 0
        last: Unembedded | None = None
        while texts := await self._renewal.unembedded(last, self._batch):
            vectors = await self._embedder.embed([text.content for text in texts])
            await self._renewal.fill(texts, vectors.tolist())
            last = texts[-1]
            done += len(texts)
        await self._partitions.index(model)
        return done
