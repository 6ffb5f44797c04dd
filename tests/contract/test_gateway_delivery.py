"""What a committed turn owes the outside: in order, once, and past whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import redis.asyncio

from focal_kernel import errors as kernel_errors
from tests.fakes.gateway_calls import send, stub
from tests.fakes.gateway_peers import Peers, gateways
from tests.fakes.gateway_wire import wire
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

QUICK = {"retry_min_s": 0.05, "poll_s": 0.1}


async def outbound(redis_url: str) -> list[dict[str, Any]]:
    """What the router finds, in the stream's order."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        entries: Any = await client.xrange("events.outbound.acme.web")
    return [json.loads(fields[b"envelope"]) for _, fields in entries]


class Forgetful(Peers):
    """A memory that fails as `failures` says, first come first served."""

    failures: list[Exception]

    async def AddEpisodes(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802
        if self.failures:
            raise self.failures.pop(0)
        return await super().AddEpisodes(request_iterator, context)


async def test_replies_reach_the_router_in_order_and_once(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url, count=2, delivery=QUICK) as both:
        for number in range(6):
            await stub(both[number % 2]).SendMessage(send(str(number)), timeout=10)

        async def arrived() -> bool:
            return len(await outbound(redis_url)) >= 6

        await until(arrived, "all replies arrive")
        await asyncio.sleep(0.3)
        found = await outbound(redis_url)
        assert [envelope["text"] for envelope in found] == [str(number) for number in range(6)]
        assert {envelope["tenant_id"] for envelope in found} == {"acme"}
        assert {envelope["segment"] for envelope in found} == {0}


async def test_replies_wait_for_valkey_and_keep_their_order(database: str, redis_url: str) -> None:
    async with (
        wire(redis_url) as line,
        gateways(Peers(), database, line.url, delivery={**QUICK, "retry_max_s": 0.2}) as [gateway],
    ):
        await stub(gateway).SendMessage(send("0"), timeout=10)
        await line.cut()
        for number in range(1, 4):
            await stub(gateway).SendMessage(send(str(number)), timeout=10)
        await asyncio.sleep(0.3)
        await line.mend()

        async def arrived() -> bool:
            return len(await outbound(redis_url)) >= 4

        await until(arrived, "all replies arrive")
        assert [envelope["text"] for envelope in await outbound(redis_url)] == ["0", "1", "2", "3"]


async def test_memory_that_was_away_gets_every_turn(database: str, redis_url: str) -> None:
    peers = Forgetful()
    peers.failures = [kernel_errors.Unavailable("DEPENDENCY_UNAVAILABLE", "away") for _ in range(3)]
    async with gateways(peers, database, redis_url, delivery=QUICK) as [gateway]:
        for number in range(3):
            await stub(gateway).SendMessage(send(str(number)), timeout=10)
        await until(lambda: len(peers.episodes) == 6, "memory has both sides of every turn")


async def test_a_turn_that_memory_refuses_does_not_hold_up_the_next_ones(
    database: str, redis_url: str
) -> None:
    peers = Forgetful()
    peers.failures = [kernel_errors.InvalidArgument("TEXT_TOO_LONG", "too long")]
    async with gateways(peers, database, redis_url, delivery=QUICK) as [gateway]:
        await stub(gateway).SendMessage(send("refused"), timeout=10)
        await stub(gateway).SendMessage(send("taken"), timeout=10)
        await until(lambda: len(peers.episodes) == 2, "the next turn arrives")
        assert {episode.content for episode in peers.episodes.values()} == {"taken"}


async def test_a_destination_that_is_switched_off_is_owed_nothing(database: str, redis_url: str) -> None:
    peers = Peers()
    off = {"memory": False, "outbound": False}
    async with gateways(peers, database, redis_url, delivery=off) as [gateway]:
        await stub(gateway).SendMessage(send("hello"), timeout=10)
        await asyncio.sleep(0.2)
        assert peers.episodes == {}
        assert await outbound(redis_url) == []
