"""The guards of a routed stream on a real Valkey: who may read, what is taken, what becomes a dead letter."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio

from focal_turn_gateway import errors
from focal_turn_gateway.adapters import dead_letters
from focal_turn_gateway.adapters.routed_streams import PREFIX, ValkeyStreams
from focal_turn_gateway.domain.routed import Route

ROUTE = Route("acme", "web")
STREAM = f"{PREFIX}{ROUTE}"
LEASE = "ingress:lease:acme:web"


class Place:
    """Two gateways' views of one stream that holds `count` entries."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.client = client
        self.old, self.new = (
            ValkeyStreams(client, lease_s=60, scan_keys=100, dlq_maxlen=100, delete=True) for _ in range(2)
        )

    async def fill(self, count: int = 2) -> None:
        for number in range(count):
            await self.client.xadd(STREAM, {"envelope": str(number)})

    async def replaced(self) -> None:
        """The old reader fell silent and the new one took its place."""
        await self.client.delete(LEASE)
        assert await self.new.acquire(ROUTE, "new")


@pytest.fixture
async def place(redis_url: str) -> AsyncIterator[Place]:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        place = Place(client)
        await place.fill()
        assert await place.old.acquire(ROUTE, "old")
        yield place


async def test_a_stream_has_one_reader(place: Place) -> None:
    assert not await place.new.acquire(ROUTE, "new")
    assert len((await place.old.read(ROUTE, "old", None, 10)).entries) == 2


async def test_a_reader_that_was_replaced_takes_nothing_more(place: Place) -> None:
    await place.replaced()
    with pytest.raises(errors.StreamLost):
        await place.old.read(ROUTE, "old", None, 10)
    assert len((await place.new.read(ROUTE, "new", None, 10)).entries) == 2


async def test_a_reader_that_was_replaced_cannot_give_the_lease_of_its_successor_away(place: Place) -> None:
    await place.replaced()
    await place.old.release(ROUTE, "old")
    assert await place.client.get(LEASE) == b"new"


async def test_a_new_reader_finds_what_was_taken_and_not_settled(place: Place) -> None:
    [first, second] = (await place.old.read(ROUTE, "old", None, 10)).entries
    await place.old.done(ROUTE, first.entry_id)
    await place.replaced()
    assert (await place.new.read(ROUTE, "new", "0", 10)).entries == [second]
    assert (await place.new.read(ROUTE, "new", None, 10)).entries == []


async def test_an_entry_that_two_readers_find_poisonous_is_one_dead_letter(place: Place) -> None:
    [poison, _] = (await place.old.read(ROUTE, "old", None, 10)).entries
    for reader in (place.old, place.new):
        await reader.bury(ROUTE, poison, "EMPTY_TEXT", "no text")
    letters: Any = await place.client.xrange(dead_letters.stream("acme", "web"))
    assert len(letters) == 1
    assert await place.client.xlen(STREAM) == 1
