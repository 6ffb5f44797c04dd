"""Deadlines and cancellation across hops, through our channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import grpc.aio
import pytest

from focal_service_kit import channels, deadlines, errors, interceptors, settings
from focal_service_kit.host import Host
from tests.fakes import echo, in_process
from tests.fakes.until import until


class Recorder:
    """Handlers of the last hop that note what happens to them."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.closed = asyncio.Event()
        self.remaining: float | None = None

    async def wait(self, request: Any, context: Any) -> Any:
        self.remaining = deadlines.remaining()
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def stream(self, request: Any, context: Any) -> Any:
        self.remaining = deadlines.remaining()
        try:
            yield echo.text("first")
            self.started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        finally:
            self.closed.set()


@asynccontextmanager
async def chain(
    recorder: Recorder, forward: Callable[[echo.Stub], dict[str, Any]]
) -> AsyncIterator[echo.Stub]:
    """client → pipeline → toolbox; yields the client's stub."""
    deployment = in_process.Deployment()

    async def build_back(host: Host) -> None:
        echo.add(host, unary=recorder.wait, server_stream=recorder.stream)

    async with in_process.serving("toolbox", build_back, deployment=deployment) as back:

        async def build_front(host: Host) -> None:
            peer = channels.ChannelSettings("toolbox", back.target)
            echo.add(host, **forward(echo.Stub(host.channel(peer))))

        async with in_process.serving("pipeline", build_front, deployment=deployment) as front:
            yield echo.Stub(front.channel())


def unary_to_unary(stub: echo.Stub) -> dict[str, Any]:
    async def unary(request: Any, context: Any) -> Any:
        return await stub.unary(request)

    return {"unary": unary}


def unary_to_stream(stub: echo.Stub) -> dict[str, Any]:
    async def unary(request: Any, context: Any) -> Any:
        return echo.text("".join([item.value async for item in stub.server_stream(request)]))

    return {"unary": unary}


def stream_to_stream(stub: echo.Stub) -> dict[str, Any]:
    async def server_stream(request: Any, context: Any) -> Any:
        async for item in stub.server_stream(request):
            yield item

    return {"server_stream": server_stream}


async def test_the_callers_deadline_reaches_the_second_hop() -> None:
    recorder = Recorder()
    async with chain(recorder, unary_to_unary) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.unary(echo.text(), timeout=0.5)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(recorder.cancelled.is_set, "the last hop stops too")
    assert recorder.remaining is not None
    assert 0 < recorder.remaining <= 0.5


async def test_the_callers_deadline_reaches_a_stream_of_the_second_hop() -> None:
    recorder = Recorder()
    async with chain(recorder, unary_to_stream) as stub:
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.unary(echo.text(), timeout=0.5)
        await until(recorder.closed.is_set, "the stream of the last hop ends")
    assert recorder.remaining is not None
    assert 0 < recorder.remaining <= 0.5


async def test_a_unary_call_without_a_timeout_gets_the_channels_own() -> None:
    recorder = Recorder()
    async with chain(recorder, unary_to_unary) as stub:
        call = stub.unary(echo.text(), timeout=600)
        await until(recorder.started.is_set, "the call arrived")
        call.cancel()
    assert recorder.remaining is not None
    assert 0 < recorder.remaining <= settings.ClientSettings().timeout_s


async def test_work_detached_from_an_rpc_is_free_of_its_deadline_and_caller() -> None:
    seen: asyncio.Future[tuple[float | None, bool]] = asyncio.get_running_loop().create_future()

    async def later() -> None:
        from focal_service_kit.identity import caller

        seen.set_result((deadlines.remaining(), caller.incoming() is None))

    async def unary(request: Any, context: Any) -> Any:
        task = asyncio.get_running_loop().create_task(later(), context=deadlines.detached())
        await task
        return request

    async def build(host: Host) -> None:
        echo.add(host, unary=unary)

    async with in_process.serving("toolbox", build) as running:
        await echo.Stub(running.channel()).unary(echo.text(), timeout=5)
    assert await seen == (None, True)


async def test_background_work_started_by_an_rpc_is_free_of_its_deadline() -> None:
    seen: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        seen.set_result(deadlines.remaining())

    async def build(host: Host) -> None:
        async def unary(request: Any, context: Any) -> Any:
            host.background("work", work)
            return request

        echo.add(host, unary=unary)

    async with in_process.serving("toolbox", build) as running:
        await echo.Stub(running.channel()).unary(echo.text(), timeout=5)
        async with asyncio.timeout(5):
            assert await seen is None


async def test_cancelling_a_unary_call_cancels_every_hop() -> None:
    recorder = Recorder()
    async with chain(recorder, unary_to_unary) as stub:
        call = stub.unary(echo.text(), timeout=30)
        await until(recorder.started.is_set, "the last hop has begun")
        call.cancel()
        await until(recorder.cancelled.is_set, "the last hop is cancelled")
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_cancelling_a_task_that_awaits_a_unary_call_cancels_every_hop() -> None:
    recorder = Recorder()

    async with chain(recorder, unary_to_unary) as stub:

        async def ask() -> None:
            await stub.unary(echo.text(), timeout=30)

        task = asyncio.create_task(ask())
        await until(recorder.started.is_set, "the last hop has begun")
        task.cancel()
        await until(recorder.cancelled.is_set, "the last hop is cancelled")
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_cancelling_a_stream_cancels_every_hop() -> None:
    recorder = Recorder()
    async with chain(recorder, stream_to_stream) as stub:
        call = stub.server_stream(echo.text(), timeout=30)
        assert (await call.read()).value == "first"
        await until(recorder.started.is_set, "the last hop has begun")
        call.cancel()
        await until(recorder.cancelled.is_set, "the last hop is cancelled")
        await until(recorder.closed.is_set, "its generator is closed")


async def test_a_generator_handler_is_closed_within_its_call_when_the_caller_leaves() -> None:
    in_flight: list[float | None] = []

    async def build(host: Host) -> None:
        async def endless(request: Any, context: Any) -> Any:
            """Is never inside an await of its own when the call ends."""
            try:
                while True:
                    yield echo.text("x" * 100_000)
            finally:
                await asyncio.sleep(0)
                in_flight.append(host.metrics.get_sample_value("focal_rpc_in_flight"))

        echo.add(host, both=endless)

    async with in_process.serving("toolbox", build) as running:
        call = echo.Stub(running.channel()).both(iter([echo.text()]), timeout=30)
        await call.read()
        call.cancel()
        await until(lambda: in_flight, "the generator's finally runs")
    assert in_flight == [1]


async def test_the_cancellation_that_follows_a_failed_write_does_not_cut_the_cleaning_up() -> None:
    left, cleaned_up = asyncio.Event(), []

    async def handler(request: Any, context: Any) -> Any:
        try:
            yield "said"
        finally:
            await left.wait()
            cleaned_up.append(True)

    class Gone:
        async def write(self, response: Any) -> None:
            asyncio.get_running_loop().call_soon(leave)
            raise ConnectionError

    def leave() -> None:
        call.cancel()
        left.set()

    call = asyncio.ensure_future(interceptors._written(handler, 5)(None, cast("Any", Gone())))
    with pytest.raises(ConnectionError):
        await call
    assert cleaned_up


async def test_an_unreachable_peer_is_a_dependency_that_is_away() -> None:
    async def build(host: Host) -> None:
        peer = channels.ChannelSettings("toolbox", "127.0.0.1:1", timeout_s=2)
        echo.add(host, **unary_to_unary(echo.Stub(host.channel(peer))))

    async with in_process.serving("pipeline", build) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await echo.Stub(running.channel()).unary(echo.text(), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert errors.from_rpc(caught.value).reason == "DEPENDENCY_UNAVAILABLE"


@pytest.mark.parametrize(("safe", "attempts"), [(True, 3), (False, 1)])
async def test_only_safe_methods_are_repeated_while_a_peer_is_unavailable(safe: bool, attempts: int) -> None:
    from focal_kernel import errors as kernel

    calls = 0

    async def away(request: Any, context: Any) -> Any:
        nonlocal calls
        calls += 1
        raise kernel.Unavailable("DRAINING", "not now")

    async def build_back(host: Host) -> None:
        echo.add(host, unary=away)

    deployment = in_process.Deployment()
    async with in_process.serving("toolbox", build_back, deployment=deployment) as back:

        async def build_front(host: Host) -> None:
            methods = (f"{echo.SERVICE}/unary",) if safe else ()
            peer = channels.ChannelSettings("toolbox", back.target, safe_methods=methods)
            echo.add(host, **unary_to_unary(echo.Stub(host.channel(peer))))

        async with in_process.serving("pipeline", build_front, deployment=deployment) as front:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await echo.Stub(front.channel()).unary(echo.text(), timeout=10)
    assert errors.from_rpc(caught.value).reason == "DRAINING"
    assert calls == attempts


async def test_a_message_over_the_limit_is_refused() -> None:
    async def unary(request: Any, context: Any) -> Any:
        return request

    async def build(host: Host) -> None:
        echo.add(host, unary=unary)

    small = settings.ServiceSettings(grpc=settings.GrpcSettings(max_message_bytes=1000))
    async with in_process.serving("toolbox", build, chosen=small) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await echo.Stub(running.channel()).unary(echo.text("x" * 2000), timeout=5)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
