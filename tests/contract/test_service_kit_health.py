"""Health as probes and supervisors see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from focal_service_kit import settings
from focal_service_kit.host import Host
from tests.fakes import echo, in_process
from tests.fakes.until import until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
QUICK = settings.ServiceSettings(
    health=settings.HealthSettings(interval_s=0.02, failing_interval_s=0.02, timeout_s=0.2),
    drain=settings.DrainSettings(grace_s=0.2),
)


class Dependency:
    """A server that can be away, or hang."""

    def __init__(self, up: bool = True) -> None:
        self.up = up
        self.hangs = False

    async def check(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if not self.up:
            raise ConnectionRefusedError


class Probe:
    """Asks for health by name."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = health_pb2_grpc.HealthStub(channel)

    async def status(self, name: str) -> int:
        reply = await self._stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
        return int(reply.status)

    async def becomes(self, name: str, wanted: int) -> None:
        async def same() -> bool:
            return await self.status(name) == wanted

        await until(same, f"{name!r} is {wanted}")


@asynccontextmanager
async def needing(database: Dependency, cache: Dependency) -> AsyncIterator[tuple[Probe, in_process.Running]]:
    async def build(host: Host) -> None:
        echo.add(host)
        host.readiness("postgres", database.check)
        host.readiness("redis", cache.check, required=False)

    async with (
        in_process.serving("toolbox", build, chosen=QUICK) as running,
        grpc.aio.insecure_channel(running.target) as channel,
    ):
        yield Probe(channel), running


async def test_a_service_is_serving_only_while_what_it_requires_answers() -> None:
    database, cache = Dependency(), Dependency()
    async with needing(database, cache) as (probe, _):
        for name in ("", echo.SERVICE, "dependency/postgres"):
            await probe.becomes(name, SERVING)
        database.up = False
        for name in ("", echo.SERVICE, "dependency/postgres"):
            await probe.becomes(name, NOT_SERVING)
        database.up = True
        await probe.becomes(echo.SERVICE, SERVING)


async def test_a_dependency_that_hangs_counts_as_away() -> None:
    database = Dependency()
    async with needing(database, Dependency()) as (probe, _):
        await probe.becomes("", SERVING)
        database.hangs = True
        await probe.becomes("", NOT_SERVING)


async def test_a_dependency_that_is_not_required_shows_but_does_not_gate() -> None:
    cache = Dependency(up=False)
    async with needing(Dependency(), cache) as (probe, running):
        await probe.becomes("", SERVING)
        assert await probe.status("dependency/redis") == NOT_SERVING
        up = running.host.metrics.get_sample_value
        assert up("focal_dependency_up", {"dependency": "redis"}) == 0
        assert up("focal_dependency_up", {"dependency": "postgres"}) == 1


async def test_a_watcher_hears_of_the_change() -> None:
    database = Dependency()
    async with needing(database, Dependency()) as (probe, running):
        await probe.becomes("", SERVING)
        async with grpc.aio.insecure_channel(running.target) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=10)
            assert (await watch.read()).status == SERVING
            database.up = False
            assert (await watch.read()).status == NOT_SERVING
            watch.cancel()


async def test_reflection_lists_what_is_served() -> None:
    async with needing(Dependency(), Dependency()) as (_, running):
        channel: Any = running.channel()
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        replies = stub.ServerReflectionInfo(iter([ask]), timeout=5)
        names = {service.name for service in (await replies.read()).list_services_response.service}
        replies.cancel()
    assert {echo.SERVICE, "grpc.health.v1.Health"} <= names


async def test_a_name_nobody_serves_is_not_found() -> None:
    async with needing(Dependency(), Dependency()) as (probe, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await probe.status("focal.other.v1.OtherService")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
