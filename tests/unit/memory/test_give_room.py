"""Tenants that outgrow the shared part."""

from __future__ import annotations

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
