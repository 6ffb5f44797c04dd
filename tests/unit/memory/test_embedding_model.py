"""Agreement of embedder and store."""

from __future__ import annotations

import pytest

from focal_memory import errors
from focal_memory.core.embedding_model import EmbeddingModel
from focal_memory.ports import Model
from tests.fakes import memory


async def test_an_empty_store_takes_the_model_of_the_first_process() -> None:
    register = memory.ModelRegister()
    await EmbeddingModel(register, memory.Embedder()).check()
    assert register.stored == Model("fake-v1", 2)


async def test_another_model_is_refused_with_the_way_to_mend_it() -> None:
    model = EmbeddingModel(memory.ModelRegister(Model("old-v1", 2)), memory.Embedder())
    with pytest.raises(errors.EmbeddingMismatch, match=r"focal_memory\.reembed") as caught:
        await model.check()
    assert caught.value.reason == "EMBEDDING_MISMATCH"
    assert caught.value.metadata == {"stored": "old-v1", "configured": "fake-v1"}


async def test_a_mismatch_found_later_stops_what_was_allowed_before() -> None:
    register = memory.ModelRegister()
    model = EmbeddingModel(register, memory.Embedder())
    await model.require()
    register.stored = Model("new-v1", 2)
    with pytest.raises(errors.EmbeddingMismatch):
        await model.check()
    with pytest.raises(errors.EmbeddingMismatch):
        await model.require()
