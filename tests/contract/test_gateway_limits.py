"""What a gateway refuses because it is too much: clearly, without storing it, saying when to come back."""

from __future__ import annotations

import asyncio

import grpc
import grpc.aio
import pytest
import redis.asyncio

from focal.turn.v1 import event_pb2
from focal_kernel import ids
from focal_service_kit import errors as status
from tests.fakes.gateway_calls import (
    USER,
    converse,
    read_until,
    refused,
    say,
    send,
    session_of,
    stub,
    submit,
)
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.gateway_wire import wire
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


class Slow:
    """A pipeline that answers when it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.peers = Peers(self.script)

    async def script(self, run: Run) -> None:
        await self.go.wait()
        await run.answer()


async def test_a_burst_into_one_session_is_taken_in_order_or_clearly_refused(
    database: str, redis_url: str
) -> None:
    slow = Slow()
    async with gateways(slow.peers, database, redis_url, queue={"max_waiting": 5}) as [gateway]:
        first = await stub(gateway).SubmitMessage(submit("first"), timeout=10)
        await until(lambda: slow.peers.starts, "the turn runs")
        calls = [stub(gateway).SubmitMessage(submit(str(n), f"r{n}"), timeout=20) for n in range(60)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        taken = {n: answer for n, answer in enumerate(answers) if not isinstance(answer, BaseException)}
        assert sorted(answer.sequence for answer in taken.values()) == [2, 3, 4, 5, 6]
        for answer in answers:
            if isinstance(answer, grpc.aio.AioRpcError):
                error = status.from_rpc(answer)
                assert (answer.code(), error.reason, error.retry_after_s) == (EXHAUSTED, "QUEUE_FULL", 1)
        assert (await session_of(gateway, first.session_id)).open_messages == 6

        number, stored = next(iter(taken.items()))
        again = await stub(gateway).SubmitMessage(submit(str(number), f"r{number}"), timeout=10)
        assert (again.message_id, again.duplicate) == (stored.message_id, True)

        slow.go.set()
        by_sequence = [str(n) for n, _ in sorted(taken.items(), key=lambda item: item[1].sequence)]
        await until(lambda: len(slow.peers.starts) == 2, "the next turn runs")
        assert [message.text for message in slow.peers.starts[1].messages] == by_sequence
        assert (await stub(gateway).SendMessage(send("after"), timeout=10)).turn.reply[0].text == "after"


async def test_a_stream_goes_on_behind_a_refused_message(database: str, redis_url: str) -> None:
    slow = Slow()
    async with gateways(slow.peers, database, redis_url, queue={"max_waiting": 1, "retry_s": 2.5}) as [
        gateway
    ]:
        call = await converse(gateway)
        for text in ("one", "two", "three"):
            await call.write(say(text, text))
            if text == "one":
                await until(lambda: slow.peers.starts, "the turn runs")
        refusal = (await read_until(call, lambda frame: frame.HasField("rejected")))[-1].rejected
        assert (refusal.request_id, refusal.reason) == ("three", "QUEUE_FULL")
        assert refusal.retry_after.ToMilliseconds() == 2500
        slow.go.set()
        answered = await read_until(call, lambda frame: "two" in _reply(frame))
        assert "one" in "".join(_reply(frame) for frame in answered)
        await call.write(say("three", "three"))
        await read_until(call, lambda frame: "three" in _reply(frame))
        call.cancel()


async def test_a_message_that_the_turn_absorbed_waits_no_more(database: str, redis_url: str) -> None:
    seen, go = asyncio.Event(), asyncio.Event()

    async def script(run: Run) -> None:
        absorbed = []
        if run.texts == ["one"]:
            absorbed = await run.pending()
            seen.set()
            await run.decide(event_pb2.SUPERSEDE_ACTION_ABSORB, absorbed)
            await go.wait()
        await run.answer("both", *absorbed)

    peers = Peers(script)
    async with gateways(peers, database, redis_url, queue={"max_waiting": 1}) as [gateway]:
        first = asyncio.ensure_future(stub(gateway).SendMessage(send("one"), timeout=10))
        await until(lambda: peers.starts, "the turn runs")
        second = asyncio.ensure_future(stub(gateway).SendMessage(send("two"), timeout=10))
        await seen.wait()

        async def has_room() -> bool:
            try:
                await stub(gateway).SubmitMessage(submit("three"), timeout=10)
            except grpc.aio.AioRpcError:
                return False
            return True

        await until(has_room, "the absorbed message made room")
        go.set()
        assert (await first).turn.turn_id == (await second).turn.turn_id


def _reply(frame: object) -> str:
    reply = frame.event.turn_completed.turn.reply  # type: ignore[attr-defined]
    return "".join(segment.text for segment in reply)


async def test_what_is_refused_shows_in_the_metrics(database: str, redis_url: str) -> None:
    slow = Slow()
    async with gateways(slow.peers, database, redis_url, queue={"max_waiting": 1}) as [gateway]:
        await stub(gateway).SubmitMessage(submit("one"), timeout=10)
        await until(lambda: slow.peers.starts, "the turn runs")
        await stub(gateway).SubmitMessage(submit("two"), timeout=10)
        for _ in range(3):
            assert (await refused(stub(gateway).SendMessage(send("more"), timeout=10)))[0] is EXHAUSTED
        name, labels = "focal_gateway_refused_messages_total", {"tenant": "acme", "reason": "QUEUE_FULL"}
        assert gateway.host.metrics.get_sample_value(name, labels) == 3
        slow.go.set()


RATES = {"enabled": True, "customer_per_minute": 3, "timeout_s": 1.0}


async def test_a_customer_that_writes_too_often_is_told_when_to_come_back(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url, rates=RATES) as [gateway]:
        for number in range(3):
            await stub(gateway).SubmitMessage(submit(str(number)), timeout=10)
        code, error = await refused(stub(gateway).SendMessage(send("more"), timeout=10))
        assert (code, error.reason) == (EXHAUSTED, "RATE_LIMIT_EXCEEDED")
        assert error.metadata["scope"] == "customer"
        assert 0 < (error.retry_after_s or 0) <= 120
        await stub(gateway).SendMessage(send("somebody else", user="u2"), timeout=10)


async def test_limits_are_those_of_the_tier_and_every_answer_says_what_is_left(
    database: str, redis_url: str
) -> None:
    tiers = {"free": {"requests_per_minute": 2}, "pro": {"requests_per_minute": 5}}
    async with gateways(Peers(), database, redis_url, rates=RATES, tiers=tiers) as [gateway]:
        for tier, most in (("free", 2), ("pro", 5)):
            token = gateway.deployment.tenant_token("acme" if tier == "free" else "umbrella", tier=tier)
            for number in range(most):
                call = stub(gateway, token).SubmitMessage(submit("hi", user=f"u{number}"), timeout=10)
                await call
                told = {key: value for key, value in await call.trailing_metadata() if "ratelimit" in key}
                assert told["x-ratelimit-limit"] == str(most)
                assert told["x-ratelimit-remaining"] == str(most - number - 1)
                assert 0 < int(told["x-ratelimit-reset"]) <= 65
            call = stub(gateway, token).SubmitMessage(submit("hi", user="u9"), timeout=10)
            error = (await refused(call))[1]
            assert (error.reason, error.metadata["scope"]) == ("RATE_LIMIT_EXCEEDED", "tenant")


async def test_a_blocked_customer_is_refused_and_others_are_not(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url, rates=RATES) as [gateway]:
        hashed = ids.digest("web", USER)
        async with redis.asyncio.Redis.from_url(redis_url) as valkey:
            await valkey.set(f"abuse:blocked:acme:{hashed}", "1")
        code, error = await refused(stub(gateway).SubmitMessage(submit("hi"), timeout=10))
        assert (code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "BLOCKED")
        await stub(gateway).SubmitMessage(submit("hi", user="u2"), timeout=10)


async def test_messages_pass_while_valkey_is_away(database: str, redis_url: str) -> None:
    async with wire(redis_url) as cache, gateways(Peers(), database, cache.url, rates=RATES) as [gateway]:
        await stub(gateway).SubmitMessage(submit("hi"), timeout=10)
        await cache.cut()
        for number in range(10):
            await stub(gateway).SubmitMessage(submit(str(number), user=f"u{number}"), timeout=10)
        assert (gateway.host.metrics.get_sample_value("focal_gateway_uncounted_messages_total") or 0) >= 9
