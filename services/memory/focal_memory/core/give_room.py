"""Watches for tenants that have outgrown the shared part of the store."""

from __future__ import annotations

import asyncio
import random

from focal_kernel.errors import FocalError
from focal_memory.core.embedding_model import EmbeddingModel
from focal_memory.ports import TenantPartitions
from focal_service_kit import logging

_log = logging.get("give_room")


class GiveRoom:
    """Every `interval_s` seconds, give tenants with more than `episodes` episodes their own partitions.

    Every replica looks; the store lets one of them work. Nobody waits for it: a tenant that still
    shares is searched exactly, only more slowly.
    """

    def __init__(
        self, partitions: TenantPartitions, model: EmbeddingModel, *, episodes: int, interval_s: float
    ) -> None:
        self._partitions = partitions
        self._model = model
        self._episodes = episodes
        self._interval_s = interval_s

    async def run(self) -> None:
        """Look for ever; a round that fails is logged and the next one tries again."""
        while True:
            await asyncio.sleep(self._interval_s * random.uniform(0.75, 1.25))  # noqa: S311 - spread, not secrecy
            try:
                await self.once()
            except FocalError as error:
                _log.warning("a tenant keeps waiting for room", reason=error.message)

    async def once(self) -> None:
        """One round."""
        await self._model.require()
        for tenant in await self._partitions.outgrown(self._episodes):
            await self._partitions.separate(tenant)
            _log.info("tenant has partitions of its own", tenant=tenant)
        await self._partitions.index(self._model.ours)
