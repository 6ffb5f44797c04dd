"""Embedding everything again."""

from __future__ import annotations

from focal_memory.core.renew_vectors import RenewVectors
from focal_memory.ports import Model, Unembedded
from tests.fakes import memory


def _texts(count: int) -> list[Unembedded]:
    return [Unembedded("acme", no, f"text {no}") for no in range(1, count + 1)]


async def test_every_text_gets_a_vector_of_the_new_model() -> None:
    renewal, partitions = memory.Renewal(_texts(5), Model("old", 2)), memory.Partitions()
    renew = RenewVectors(renewal, partitions, memory.Embedder(), batch=2)
    assert await renew.run() == 5
    assert renewal.model == Model("fake-v1", 2)
    assert sorted(renewal.filled) == [1, 2, 3, 4, 5]
    assert partitions.indexed == [Model("fake-v1", 2)]


async def test_a_run_that_was_cut_off_goes_on_where_it_stopped() -> None:
    renewal = memory.Renewal(_texts(5), Model("fake-v1", 2), filled={1: [0.0], 2: [0.0]})
    renew = RenewVectors(renewal, memory.Partitions(), memory.Embedder(), batch=2)
    assert await renew.run() == 3
