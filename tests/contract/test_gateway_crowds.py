"""Many messages, many streams, rude clients: the small forms of what `benchmarks.limits` measures."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_service_kit import errors as status
from focal_turn_gateway.adapters.postgres.session_reader import PostgresSessionReader
from tests.fakes import in_process
from tests.fakes.gateway_calls import completed, read_until, refused, say, send, setup, stub, submit
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.gateway_wire import Wire, wire
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
STREAMS, MESSAGES = 50, 200


def followers() -> list[str]:
    names = (task.get_name() for task in asyncio.all_tasks())
    return [name for name in names if name.startswith(("converse", "watch"))]


async def test_each_message_of_a_large_burst_is_answered_in_order_or_refused_and_others_do_not_wait(
    database: str, redis_url: str
) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url) as [gateway]:
        room = asyncio.Semaphore(STREAMS)
        others: list[float] = []
        refusals: set[tuple[grpc.StatusCode, str]] = set()

        async def one(number: int) -> tuple[int, str] | None:
            async with room:
                try:
                    taken = await stub(gateway).SubmitMessage(submit(str(number)), timeout=20)
                except grpc.aio.AioRpcError as error:
                    refusals.add((error.code(), status.from_rpc(error).reason))
                    return None
                return taken.sequence, str(number)

        async def other() -> None:
            for number in range(5):
                began = asyncio.get_running_loop().time()
                await stub(gateway).SendMessage(send("hello", user=f"other-{number}"), timeout=20)
                others.append(asyncio.get_running_loop().time() - began)

        answers = await asyncio.gather(*(one(number) for number in range(MESSAGES)), other())
        taken = [answer for answer in answers if answer is not None]
        assert len(taken) > 10
        assert refusals <= {(EXHAUSTED, "QUEUE_FULL")}
        await stub(gateway).SendMessage(send("last"), timeout=20)
        said = [text for _, text in sorted(taken)]
        mine = [start for start in peers.starts if start.session.session_id == _session_of(peers)]
        answered = {message.message_id: message.text for start in mine for message in start.messages}
        assert list(answered.values()) == [*said, "last"]
        assert max(others) < 10


def _session_of(peers: Peers) -> str:
    return next(
        start.session.session_id
        for start in peers.starts
        if any(message.text == "last" for message in start.messages)
    )


async def test_idle_streams_ask_the_store_together_and_still_hear_what_is_stored(
    database: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("events", "ahead"):
        _count(monkeypatch, name, asked)
    async with (
        wire(redis_url) as cache,
        gateways(Peers(), database, cache.url, count=2, turns={"poll_s": 0.1}) as [here, there],
    ):
        users = [f"user-{number}" for number in range(STREAMS)]
        for user in users:
            await stub(here).SubmitMessage(submit("one", user=user), timeout=20)
        calls = [stub(here).Converse(timeout=60) for _ in users]
        for call, user in zip(calls, users, strict=True):
            await call.write(setup(user, after_offset=0))
        await asyncio.gather(*(read_until(call, completed, 20) for call in calls))
        asked.clear()
        await asyncio.sleep(0.5)
        assert len(asked) < 20, asked
        await cache.cut()
        await stub(there).SubmitMessage(submit("two", user=users[7]), timeout=20)
        await read_until(calls[7], completed)
        for call in calls:
            call.cancel()


def _count(monkeypatch: pytest.MonkeyPatch, name: str, asked: list[str]) -> None:
    real = getattr(PostgresSessionReader, name)

    async def counted(self: Any, *arguments: Any) -> Any:
        asked.append(name)
        return await real(self, *arguments)

    monkeypatch.setattr(PostgresSessionReader, name, counted)


async def test_a_stream_that_nobody_reads_is_ended_and_says_why_when_it_is_read_again(
    database: str, redis_url: str
) -> None:
    async def script(run: Run) -> None:
        await run.answer("x" * 20_000)

    grpc_settings = {"listen": "127.0.0.1:0", "write_timeout_s": 0.5}
    async with gateways(Peers(script), database, redis_url, grpc=grpc_settings) as [gateway]:
        first = await stub(gateway).SendMessage(send("one"), timeout=20)
        async with _narrow(gateway.target) as unread:
            metadata = (("authorization", f"Bearer {gateway.deployment.tenant_token()}"),)
            call = unread.WatchSession(pb.WatchSessionRequest(session_id=first.session_id), metadata=metadata)
            assert await call.read()
            for number in range(10):
                await stub(gateway).SendMessage(send(f"more-{number}"), timeout=20)
            await until(lambda: not followers(), "the stream's tasks are gone")
            code, refusal = await refused(call)
        assert (code, refusal.reason) == (EXHAUSTED, "SLOW_READER")
        assert refusal.metadata == {"write_timeout_s": "0.5"}


@asynccontextmanager
async def _narrow(target: str) -> AsyncIterator[Any]:
    """A client whose library takes 64 KiB ahead of its reader instead of some MiB."""
    options = (("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        yield api.TurnGatewayServiceStub(channel)


@pytest.mark.parametrize("vanish", ["reset", "silent"])
async def test_clients_that_vanish_are_let_go(database: str, redis_url: str, vanish: str) -> None:
    grpc_settings = {"listen": "127.0.0.1:0", "keepalive_s": 0.5, "keepalive_timeout_s": 2}
    async with (
        gateways(Peers(), database, redis_url, grpc=grpc_settings) as [gateway],
        wire(f"grpc://{gateway.target}") as line,
        grpc.aio.insecure_channel(line.url.removeprefix("grpc://")) as channel,
    ):
        calls = await _talking(channel, gateway, 10)
        assert len(followers()) == 2 * len(calls)
        await _vanish(line, vanish)
        await until(lambda: not followers(), "all tasks of the streams are gone")


async def _talking(channel: grpc.aio.Channel, gateway: in_process.Running, count: int) -> list[Any]:
    metadata = (("authorization", f"Bearer {gateway.deployment.tenant_token()}"),)
    calls = [api.TurnGatewayServiceStub(channel).Converse(metadata=metadata) for _ in range(count)]
    for number, call in zip(itertools.count(), calls, strict=False):
        await call.write(setup(f"user-{number}"))
        await call.write(say("hello"))
    for call in calls:
        await read_until(call, completed, 20)
    return calls


async def _vanish(line: Wire, how: str) -> None:
    if how == "reset":
        await line.cut()
    else:
        line.hang()
