"""Recall over real gRPC and real PostgreSQL."""

from __future__ import annotations

import pytest

from tests.fakes import memory_server
from tests.fakes.memory_server import episode, moment

pytestmark = pytest.mark.migrated("focal_memory")


async def test_what_was_added_is_recalled_with_everything_it_was_added_with(database: str) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        added = episode("e1", "My parcel never arrived", metadata={"channel": "whatsapp"}, type=2)
        response = await memory.add(added, episode("e2", "I like tea"))
        assert (response.stored, response.duplicates) == (2, 0)

        best = (await memory.recall("where is the parcel?", customer_id="c1"))[0]

        assert best.episode.HasField("recorded_at")
        assert best.episode.group_id == "acme:s1"
        best.episode.ClearField("recorded_at")
        best.episode.ClearField("group_id")
        assert best.episode == added
        assert (best.vector_rank, best.lexical_rank) == (1, 1)


async def test_as_of(database: str) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        await memory.add(episode("old", "lives in Paris", occurred_at=moment(2020), valid_to=moment(2022)))
        assert await memory.found("Paris", customer_id="c1", valid_at=moment(2021)) == ["old"]
        assert await memory.found("Paris", customer_id="c1") == []
