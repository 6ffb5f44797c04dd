"""Watching bundles over gRPC, with real pub/sub and without it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import redis.asyncio

from focal.config.v1 import bundle_pb2
from focal.config.v1 import config_admin_service_pb2 as admin
from focal.config.v1 import config_watcher_service_pb2 as watcher
from focal_service_kit import service, settings
from tests.fakes import config_server
from tests.fakes.config_server import ConfigServer, agent, files
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_config_watcher")


class Watching:
    """One `WatchBundles` stream, read with a bound."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def pointer(self) -> bundle_pb2.BundlePointer:
        """The next pointer."""
        return (await self._frame()).pointer

    async def snapshot(self) -> list[bundle_pb2.BundlePointer]:
        """Pointers up to the end of the snapshot."""
        found = []
        while (frame := await self._frame()).HasField("pointer"):
            found.append(frame.pointer)
        return found

    async def ended(self) -> bool:
        """Whether the server ended the stream properly."""
        async with asyncio.timeout(5):
            return bool(await self._call.read() == grpc.aio.EOF)

    async def _frame(self) -> watcher.WatchBundlesResponse:
        async with asyncio.timeout(5):
            frame = await self._call.read()
        assert frame is not grpc.aio.EOF
        return frame  # type: ignore[no-any-return]


@asynccontextmanager
async def watching(server: ConfigServer, tenant_id: str = "") -> AsyncIterator[Watching]:
    call = server.watcher(tenant_id).WatchBundles(watcher.WatchBundlesRequest(), wait_for_ready=True)
    try:
        yield Watching(call)
    finally:
        call.cancel()


async def loaded(server: ConfigServer) -> None:
    """Wait until the process has read its pointers once."""

    async def ready() -> bool:
        async with watching(server) as watch:
            try:
                await watch.snapshot()
            except grpc.aio.AioRpcError as error:
                return error.code() is not grpc.StatusCode.UNAVAILABLE
        return True

    await until(ready, "the pointers are loaded")


async def listeners(cache: redis.asyncio.Redis, expected: int) -> bool:
    """Whether exactly so many replicas listen for announcements."""
    [(_, count)] = await cache.pubsub_numsub("cfg-updated")
    return bool(count == expected)


async def test_the_present_comes_first_then_each_change(database: str, redis_url: str) -> None:
    async with config_server.serving(database, redis_url) as server:
        await server.add_tenant()
        first = (await server.publish(files())).published.pointer
        await loaded(server)
        async with watching(server) as watch:
            assert await watch.snapshot() == [first]
            second = (await server.publish(files(agent=agent(name="New")))).published.pointer
            assert await watch.pointer() == second
            back = admin.RollbackRequest(agent_id="desk", target_version=1)
            assert (await server.admin().Rollback(back, timeout=10)).pointer == await watch.pointer()


async def test_another_replica_hears_of_a_change_by_announcement(database: str, redis_url: str) -> None:
    async with (
        config_server.serving(database, redis_url) as one,
        config_server.serving(database, redis_url) as two,
        redis.asyncio.Redis.from_url(redis_url) as cache,
    ):
        await one.add_tenant()
        await loaded(two)
        await until(lambda: listeners(cache, 2), "both replicas listen")
        async with watching(two) as watch:
            assert await watch.snapshot() == []
            pointer = (await one.publish(files())).published.pointer
            assert await watch.pointer() == pointer  # polling is an hour away


async def test_a_cut_connection_to_redis_is_made_again(database: str, redis_url: str) -> None:
    async with (
        config_server.serving(database, redis_url) as one,
        config_server.serving(database, redis_url) as two,
        redis.asyncio.Redis.from_url(redis_url) as cache,
    ):
        await one.add_tenant()
        await loaded(two)
        await until(lambda: listeners(cache, 2), "both replicas listen")
        await cache.client_kill_filter(_type="pubsub")
        await until(lambda: listeners(cache, 2), "both replicas listen again")
        async with watching(two) as watch:
            await watch.snapshot()
            pointer = (await one.publish(files())).published.pointer
            assert await watch.pointer() == pointer


async def test_polling_heals_a_lost_announcement(database: str, redis_url: str) -> None:
    deaf = "redis://127.0.0.1:1/0"
    async with (
        config_server.serving(database, redis_url) as one,
        config_server.serving(database, deaf, poll_s=0.05) as two,
    ):
        await one.add_tenant()
        await loaded(two)
        async with watching(two) as watch:
            await watch.snapshot()
            pointer = (await one.publish(files())).published.pointer
            assert await watch.pointer() == pointer


async def test_nonsense_on_the_channel_does_no_harm(database: str, redis_url: str) -> None:
    async with (
        config_server.serving(database, redis_url) as server,
        redis.asyncio.Redis.from_url(redis_url) as cache,
    ):
        await server.add_tenant()
        await loaded(server)
        for message in (b"\xff", b"[]", b'{"tenant_id": "a:b", "agent_id": 3}', b"null"):
            await cache.publish("cfg-updated", message)
        async with watching(server) as watch:
            await watch.snapshot()
            pointer = (await server.publish(files())).published.pointer
            assert await watch.pointer() == pointer


async def test_a_service_for_all_tenants_sees_all_and_one_for_a_tenant_its_own(
    database: str, redis_url: str
) -> None:
    async with config_server.serving(database, redis_url) as server:
        for tenant_id in ("acme", "other"):
            await server.add_tenant(tenant_id)
            await server.publish(files(), tenant_id=tenant_id)
        await loaded(server)
        async with watching(server) as everything, watching(server, "acme") as ours:
            assert {pointer.tenant_id for pointer in await everything.snapshot()} == {"acme", "other"}
            assert [pointer.tenant_id for pointer in await ours.snapshot()] == ["acme"]


async def test_a_draining_process_ends_its_streams(database: str, redis_url: str) -> None:
    async with config_server.serving(database, redis_url) as server:
        await loaded(server)
        async with watching(server) as watch:
            await watch.snapshot()
            chosen = settings.ServiceSettings(drain=settings.DrainSettings(grace_s=5))
            draining = asyncio.create_task(service.stop(server.running.host, chosen))
            assert await watch.ended()
            await draining


async def test_a_pointer_is_read_alone(database: str, redis_url: str) -> None:
    async with config_server.serving(database, redis_url) as server:
        await server.add_tenant()
        pointer = (await server.publish(files())).published.pointer
        request = watcher.GetPointerRequest(agent_id="desk")
        assert (await server.watcher().GetPointer(request, timeout=10)).pointer == pointer
