"""The message router's streams: every entry becomes one message, in order, or a dead letter."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import grpc
import pytest

from focal.turn.v1 import dead_letter_service_pb2 as pb
from focal.turn.v1 import dead_letter_service_pb2_grpc as api
from tests.fakes.gateway_calls import refused
from tests.fakes.gateway_peers import Peers, gateways
from tests.fakes.gateway_wire import wire
from tests.fakes.router import Router, router, stored
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

QUICK = {"discover_s": 0.05, "acquire_s": 0.1, "retry_max_s": 0.2, "lease_s": 1.0, "renew_s": 0.2}


async def settled(writer: Router, timeout_s: float = 10) -> None:
    async def nothing_left() -> bool:
        return await writer.unsettled() == 0

    await until(nothing_left, "every entry is settled", timeout_s)


def dead_letters(gateway: Any, token: str | None = None) -> Any:
    return api.DeadLetterServiceStub(gateway.channel(token))


async def test_a_routed_message_is_answered_on_the_outbound_stream(database: str, redis_url: str) -> None:
    async with router(redis_url) as writer, gateways(Peers(), database, redis_url, ingress=QUICK):
        await writer.write("hello", "wamid.1")

        async def answered() -> bool:
            return bool(await writer.replies())

        await until(answered, "the reply is out")
        [reply] = await writer.replies()
        assert (reply["text"], reply["tenant_id"]) == ("hello", "acme")
        await settled(writer)


async def test_a_reply_says_to_whom_it_goes_and_goes_on_in_the_routers_trace(
    database: str, redis_url: str
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with router(redis_url) as writer, gateways(Peers(), database, redis_url, ingress=QUICK):
        await writer.write(
            "hello", "wamid.1", user="ada@example.com", traceparent=f"00-{trace}-b7ad6b7169203331-01"
        )

        async def answered() -> bool:
            return bool(await writer.entries())

        await until(answered, "the reply is out")
        [entry] = await writer.entries()
        assert (entry["tenant_id"], entry["recipient"]) == ("acme", "ada@example.com")
        assert entry["traceparent"].split("-")[1] == trace
        [reply] = await writer.replies()
        assert (reply["user_channel_id"], reply["message"]["text"]) == ("ada@example.com", "hello")


async def test_each_customer_is_heard_in_the_streams_order_whoever_reads(
    database: str, redis_url: str
) -> None:
    """Repeats, two gateways, and entries that were there before anybody read."""
    async with router(redis_url) as writer:
        for number in range(40):
            await writer.write(f"{number}", f"id.{number}", user=f"u{number % 3}")
            if number % 4 == 0:
                await writer.write(f"{number}", f"id.{number}", user=f"u{number % 3}", timestamp="later")
        async with gateways(Peers(), database, redis_url, count=2, ingress=QUICK):
            await settled(writer)
            for number in range(40, 60):
                await writer.write(f"{number}", f"id.{number}", user=f"u{number % 3}")
            await settled(writer)
    found = await stored(database)
    for user in range(3):
        mine = [int(text) for name, text in found if name == f"u{user}"]
        assert mine == [number for number in range(60) if number % 3 == user]


async def test_the_same_provider_id_on_two_channels_is_two_messages(database: str, redis_url: str) -> None:
    async with (
        router(redis_url) as web,
        router(redis_url, channel="sms") as sms,
        gateways(Peers(), database, redis_url, ingress=QUICK),
    ):
        await web.write("by web", "1")
        await sms.write("by sms", "1")
        await settled(web)
        await settled(sms)
        assert {text for _, text in await stored(database)} == {"by web", "by sms"}


@pytest.mark.parametrize("skew", ["2026-01-02T02:54:05Z", "2026-01-02T03:14:05Z"])
async def test_clocks_of_router_and_gateway_need_not_agree(database: str, redis_url: str, skew: str) -> None:
    async with router(redis_url) as writer, gateways(Peers(), database, redis_url, ingress=QUICK):
        await writer.write("first", "1", timestamp="2026-01-02T03:04:05Z")
        await writer.write("second", "2", timestamp=skew)
        await settled(writer)
    assert [text for _, text in await stored(database)] == ["first", "second"]
    connection = await asyncpg.connect(database)
    metadata = await connection.fetchval("SELECT metadata FROM turns.messages WHERE text = 'second'")
    await connection.close()
    assert skew in metadata


async def test_poison_becomes_a_dead_letter_and_the_stream_goes_on(database: str, redis_url: str) -> None:
    async with (
        router(redis_url) as writer,
        gateways(Peers(), database, redis_url, ingress=QUICK) as [gateway],
    ):
        await writer.put(envelope=b"\xff{")
        await writer.write("to nobody", "1", agent_id="ghost")
        await writer.write("taken", "2")
        await settled(writer)
        assert [text for _, text in await stored(database)] == ["taken"]
        letters = await writer.letters()
        assert {letter["reason"] for letter in letters} == {"UNREADABLE_ENVELOPE", "AGENT_NOT_FOUND"}

        calls = dead_letters(gateway)
        first = await calls.ListDeadLetters(pb.ListDeadLettersRequest(page_size=1))
        rest = await calls.ListDeadLetters(pb.ListDeadLettersRequest(page_token=first.next_page_token))
        listed = [*first.dead_letters, *rest.dead_letters]
        assert (len(listed), rest.next_page_token) == (2, "")
        assert {letter.channel for letter in listed} == {"web"}
        other = dead_letters(gateway, gateway.deployment.tenant_token("umbrella"))
        assert not (await other.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters


async def test_a_dead_letter_that_is_put_back_once_its_agent_exists_is_answered_once(
    database: str, redis_url: str
) -> None:
    peers = Peers()
    async with (
        router(redis_url) as writer,
        gateways(peers, database, redis_url, ingress=QUICK, limits={"unknown_agents_s": 0.01}) as [gateway],
    ):
        await writer.write("early", agent_id="later")
        await settled(writer)
        calls = dead_letters(gateway)
        [letter] = (await calls.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters
        peers.agents.add("later")
        again = pb.RetryDeadLetterRequest(dead_letter_id=letter.dead_letter_id, request_id="r1")
        first = await calls.RetryDeadLetter(again)
        assert await calls.RetryDeadLetter(again) == first
        await settled(writer)
        assert [text for _, text in await stored(database)] == ["early"]
        assert not (await calls.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters

        code, _ = await refused(
            calls.RetryDeadLetter(pb.RetryDeadLetterRequest(dead_letter_id=letter.dead_letter_id))
        )
        assert code is grpc.StatusCode.NOT_FOUND
        code, _ = await refused(
            calls.DropDeadLetter(pb.DropDeadLetterRequest(dead_letter_id="web_1-1", request_id="r1"))
        )
        assert code is grpc.StatusCode.ALREADY_EXISTS


async def test_a_dead_letter_can_be_dropped(database: str, redis_url: str) -> None:
    async with (
        router(redis_url) as writer,
        gateways(Peers(), database, redis_url, ingress=QUICK) as [gateway],
    ):
        await writer.put(envelope="no")
        await settled(writer)
        calls = dead_letters(gateway)
        [letter] = (await calls.ListDeadLetters(pb.ListDeadLettersRequest(channel="web"))).dead_letters
        drop = pb.DropDeadLetterRequest(dead_letter_id=letter.dead_letter_id, request_id="r2")
        await calls.DropDeadLetter(drop)
        await calls.DropDeadLetter(drop)
        assert not await writer.letters()


async def test_a_store_that_is_away_is_waited_for_and_the_order_holds(database: str, redis_url: str) -> None:
    async with (
        router(redis_url) as writer,
        wire(database) as line,
        gateways(Peers(), line.url, redis_url, ingress=QUICK),
    ):
        await writer.write("0", "0")
        await settled(writer)
        await line.cut()
        for number in range(1, 6):
            await writer.write(str(number), str(number))
        await asyncio.sleep(0.3)
        assert await writer.unsettled() == 5
        await line.mend()
        await settled(writer)
        assert [text for _, text in await stored(database)] == [str(number) for number in range(6)]
        assert not await writer.letters()


async def test_a_reader_that_falls_silent_is_replaced_and_disturbs_nothing_when_it_is_back(
    database: str, redis_url: str
) -> None:
    async with (
        router(redis_url) as writer,
        wire(redis_url) as line,
        gateways(Peers(), database, line.url, ingress=QUICK),
    ):
        await writer.write("0", "0")
        await settled(writer)
        line.hang()
        async with gateways(Peers(), database, redis_url, ingress=QUICK):
            for number in range(1, 20):
                await writer.write(str(number), str(number))
            await settled(writer, 5)
            await line.mend()
            for number in range(20, 40):
                await writer.write(str(number), str(number))
            await settled(writer)
    assert [text for _, text in await stored(database)] == [str(number) for number in range(40)]


async def test_a_gateway_that_stops_hands_its_streams_over_at_once(database: str, redis_url: str) -> None:
    patient = {**QUICK, "lease_s": 60.0}
    async with router(redis_url) as writer:
        async with gateways(Peers(), database, redis_url, ingress=patient):
            await writer.write("0", "0")
            await settled(writer)
        async with gateways(Peers(), database, redis_url, ingress=patient):
            await writer.write("1", "1")
            await settled(writer, 5)


async def test_a_valkey_that_forgot_everything_is_read_again(database: str, redis_url: str) -> None:
    async with router(redis_url) as writer, gateways(Peers(), database, redis_url, ingress=QUICK):
        await writer.write("before", "1")
        await settled(writer)
        await writer.client.flushdb()
        await writer.write("before", "1")
        await writer.write("after", "2")
        await settled(writer)
        assert [text for _, text in await stored(database)] == ["before", "after"]
