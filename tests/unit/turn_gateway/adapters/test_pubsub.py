import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from focal_kernel import ids
from focal_service_kit import redis_client, settings, tasks
from focal_turn_gateway.adapters import pubsub as module
from focal_turn_gateway.adapters.hints import WakeHints
from focal_turn_gateway.adapters.pubsub import PubSub
from tests.fakes.gateway_wire import Wire, wire
from tests.fakes.until import until


class Place:
    """A pubsub that runs over a connection that can be cut, and what it heard by channel."""

    def __init__(self, pubsub: PubSub, wire: Wire, direct: redis.asyncio.Redis) -> None:
        self.pubsub, self.wire, self.direct = pubsub, wire, direct
        self.heard: dict[str, list[bytes]] = {}
        self.prefix = ids.new_id("chn")

    def subscribe(self, channel: str) -> None:
        heard = self.heard.setdefault(channel, [])
        self.pubsub.subscribe(self.prefix + channel, heard.append)

    def unsubscribe(self, channel: str) -> None:
        self.pubsub.unsubscribe(self.prefix + channel)

    async def says(self, channel: str, payload: bytes) -> int:
        """Publish past the pubsub; returns how many heard it."""
        return int(await self.direct.publish(self.prefix + channel, payload))

    async def until_heard(self, channel: str) -> None:
        """Return once `channel` is heard; a probe is repeated, since a connection being cut loses some."""

        async def probed() -> bool:
            await self.says(channel, b"probe")
            return bool(self.heard[channel])

        await until(probed, f"{channel} is heard")
        await self.says(channel, b"last probe")
        await until(lambda: b"last probe" in self.heard[channel], f"{channel} is heard to its end")
        self.heard[channel].clear()


@pytest.fixture
async def place(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(module, "_RECONNECT_S", 0.05)
    async with wire(redis_url) as carrying:
        chosen = settings.RedisSettings(url=carrying.url)
        async with redis_client.connect(chosen) as client, redis.asyncio.Redis.from_url(redis_url) as direct:
            pubsub = PubSub(client)
            running = asyncio.ensure_future(pubsub.run())
            yield Place(pubsub, carrying, direct)
            assert not running.done(), "pubsub ended by itself"
            await tasks.cancel([running])


async def test_channels_are_added_while_others_are_read(place: Place) -> None:
    place.subscribe("a")
    await place.until_heard("a")
    for number in range(20):
        place.subscribe(f"late_{number}")
        await place.says("a", str(number).encode())
    for number in range(20):
        await place.until_heard(f"late_{number}")
    await until(lambda: len(place.heard["a"]) == 20, "nothing of the other channel is lost")
    assert place.heard["a"] == [str(number).encode() for number in range(20)]


async def test_after_the_last_channel_is_left_another_one_can_be_heard(place: Place) -> None:
    place.subscribe("a")
    await place.until_heard("a")
    place.unsubscribe("a")

    async def left() -> bool:
        return await place.says("a", b"x") == 0

    await until(left, "the channel is left")
    place.subscribe("b")
    await place.until_heard("b")
    place.subscribe("a")
    await place.until_heard("a")


async def test_a_channel_left_and_taken_again_at_once_stays(place: Place) -> None:
    place.subscribe("a")
    await place.until_heard("a")
    place.unsubscribe("a")
    place.subscribe("a")
    await asyncio.sleep(0.05)
    await place.until_heard("a")


async def test_a_lost_connection_is_made_again_with_all_channels(place: Place) -> None:
    place.subscribe("a")
    place.subscribe("b")
    await place.until_heard("a")
    await place.wire.drop()
    await place.until_heard("a")
    await place.until_heard("b")


async def test_an_outage_is_waited_for_and_publishing_comes_back_too(place: Place) -> None:
    place.subscribe("a")
    await place.until_heard("a")
    await place.wire.cut()
    place.pubsub.publish(place.prefix + "a", b"lost")
    place.subscribe("b")
    await asyncio.sleep(0.2)
    await place.wire.mend()
    await place.until_heard("a")
    await place.until_heard("b")

    def again() -> bool:
        place.pubsub.publish(place.prefix + "a", b"heard")
        return b"heard" in place.heard["a"]

    await until(again, "publishing works again")


async def test_a_server_that_hangs_delays_nobody(place: Place) -> None:
    place.wire.hang()
    started = asyncio.get_running_loop().time()
    for _ in range(20_000):
        place.pubsub.publish("somewhere", b"x")
    assert asyncio.get_running_loop().time() - started < 2
    assert place.pubsub._outgoing.qsize() <= 10_000


async def test_publications_keep_their_order(place: Place) -> None:
    place.subscribe("a")
    await place.until_heard("a")
    for number in range(500):
        place.pubsub.publish(place.prefix + "a", str(number).encode())
    await until(lambda: len(place.heard["a"]) == 500, "all have arrived")
    assert place.heard["a"] == [str(number).encode() for number in range(500)]


async def test_wake_hints_reach_every_gateway_that_listens(place: Place) -> None:
    hints, heard = WakeHints(place.pubsub), list[str]()
    listening = asyncio.ensure_future(hints.listen(heard.append))

    async def arrived() -> bool:
        await hints.send("ses_1")
        return "ses_1" in heard

    await until(arrived, "the hint arrives")
    await tasks.cancel([listening])
    assert "turns:wake" not in place.pubsub._receivers
