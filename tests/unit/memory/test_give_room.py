"""Tenants that outgrow the shared part."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from focal_kernel.errors import Unavailable
from focal_memory.core.embedding_model import EmbeddingModel
from focal_memory.core.give_room import GiveRoom
from focal_memory.ports import Model
from tests.fakes import memory


async def test_only_tenants_over_the_limit_get_partitions_and_every_round_looks_after_indexes() -> None:
    partitions = memory.Partitions({"big": 11, "small": 10})
    model = EmbeddingModel(memory.ModelRegister(), memory.Embedder())
    await GiveRoom(partitions, model, episodes=10, interval_s=60).once()
    assert partitions.own == ["big"]
    assert partitions.sharing == {"small": 10}
    assert partitions.indexed == [Model("fake-v1", 2)]


class FailingOnce(memory.Partitions):
    """The database is away at the first look; at the third the test ends."""

    looks = 0

    async def outgrown(self, episodes: int) -> Sequence[str]:
        self.looks += 1
        if self.looks == 1:
            raise Unavailable("DEPENDENCY_UNAVAILABLE", "the database is away")
        if self.looks == 3:
            raise asyncio.CancelledError
        return await super().outgrown(episodes)


async def test_a_round_that_fails_is_tried_again() -> None:
    partitions = FailingOnce({"big": 11})
    model = EmbeddingModel(memory.ModelRegister(), memory.Embedder())
    with pytest.raises(asyncio.CancelledError):
        await GiveRoom(partitions, model, episodes=10, interval_s=0).run()
    assert partitions.own == ["big"]
