"""SIGTERM's order: NOT_SERVING, then no new calls, then go_away, then grace."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from focal_service_kit import drain, settings
from focal_service_kit.host import Host
from tests.fakes import echo, in_process
from tests.fakes.until import until

GRACE = settings.DrainSettings(grace_s=5)


class Streams:
    """Streams that end when they are told to go, and a record of what happened in which order."""

    def __init__(self) -> None:
        self.going = asyncio.Event()
        self.events: list[str] = []

    async def server_stream(self, request: Any, context: Any) -> Any:
        yield echo.text("hello")
        await self.going.wait()
        self.events.append("stream said goodbye")
        yield echo.text("go away")

    async def unary(self, request: Any, context: Any) -> Any:
        return request


async def test_open_streams_hear_go_away_after_new_calls_are_refused_and_end_in_peace() -> None:
    streams = Streams()
    late_call: list[grpc.StatusCode] = []

    async def build(host: Host) -> None:
        echo.add(host, server_stream=streams.server_stream, unary=streams.unary)

    async with in_process.serving("toolbox", build) as running:
        stub = echo.Stub(running.channel())
        fresh = echo.Stub(running.channel())

        async def go_away() -> None:
            await until(lambda: "not serving" in streams.events, "the watcher knows first")
            streams.events.append("go_away")
            try:
                await fresh.unary(echo.text(), timeout=1)
            except grpc.aio.AioRpcError as refused:
                late_call.append(refused.code())
            streams.going.set()

        running.host.on_drain(go_away)
        stream = stub.server_stream(echo.text(), timeout=30)
        assert (await stream.read()).value == "hello"

        async with grpc.aio.insecure_channel(running.target) as channel:
            probe: Any = health_pb2_grpc.HealthStub(channel)
            watch = probe.Watch(health_pb2.HealthCheckRequest(), timeout=10)
            while (await watch.read()).status != health_pb2.HealthCheckResponse.SERVING:
                pass

            async def note_health() -> None:
                assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
                streams.events.append("not serving")
                watch.cancel()

            noting = asyncio.create_task(note_health())
            await drain.drain(running.host.server, running.host.health, running.host.drain_callbacks, GRACE)
            await noting

        assert (await stream.read()).value == "go away"
        assert await stream.read() is grpc.aio.EOF
        assert late_call == [grpc.StatusCode.UNAVAILABLE]
        assert streams.events == ["not serving", "go_away", "stream said goodbye"]


async def test_calls_that_outlast_the_grace_are_cancelled() -> None:
    cancelled = asyncio.Event()
    started = asyncio.Event()

    async def unary(request: Any, context: Any) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def build(host: Host) -> None:
        echo.add(host, unary=unary)

    async with in_process.serving("toolbox", build) as running:
        call = echo.Stub(running.channel()).unary(echo.text(), timeout=30)
        await until(started.is_set, "the call runs")
        brief = settings.DrainSettings(grace_s=0.1)
        async with asyncio.timeout(10):
            await drain.drain(running.host.server, running.host.health, (), brief)
        await until(cancelled.is_set, "the call was cancelled")
        with pytest.raises(grpc.aio.AioRpcError):
            await call


async def test_a_go_away_that_fails_or_hangs_does_not_hold_the_process() -> None:
    told: list[str] = []

    async def fails() -> None:
        raise RuntimeError("no")

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def works() -> None:
        told.append("works")

    async def build(host: Host) -> None:
        echo.add(host)

    async with in_process.serving("toolbox", build) as running:
        brief = settings.DrainSettings(grace_s=0.1)
        async with asyncio.timeout(10):
            await drain.drain(running.host.server, running.host.health, (fails, hangs, works), brief)
    assert told == ["works"]


async def test_resources_close_after_the_server_stopped_and_background_work_ended() -> None:
    events: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            events.append("background ended")

    async def told() -> None:
        events.append("go_away")

    async def build(host: Host) -> None:
        echo.add(host)
        host.stack.callback(events.append, "pool closed")
        host.background("work", work)
        host.on_drain(told)

    async with in_process.serving("toolbox", build):
        await asyncio.sleep(0)
    assert events == ["go_away", "background ended", "pool closed"]
