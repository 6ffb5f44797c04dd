import asyncio
import ipaddress
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

from focal_toolbox.adapters.outbound import Outbound
from focal_toolbox.adapters.providers.grpc_channels import Channels, Limits, Target
from focal_toolbox.domain.hosts import AllowedHosts
from tests.fakes.until import until


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = grpc.aio.server()
    bound = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield bound
    await server.stop(None)


async def test_two_that_open_the_same_channel_at_once_do_not_close_each_others(port: int) -> None:
    room_is_made, asked = asyncio.Event(), list[str]()

    async def resolved(host: str, _port: int) -> list[str]:
        asked.append(host)
        if asked == ["first.example", "shop.example"]:
            await room_is_made.wait()
        return ["127.0.0.1"]

    outbound = Outbound(AllowedHosts(["*.example"]), [ipaddress.ip_network("127.0.0.0/8")], resolved)
    channels = Channels(outbound, Limits(channels=1, kept_s=60, connect_s=5, answer_bytes=1000), None)

    async def connected(host: str) -> grpc.ChannelConnectivity:
        async with channels.connected(Target(host, port, tls=False)) as channel:
            return channel.get_state()

    assert await connected("first.example") is grpc.ChannelConnectivity.READY
    (first,) = channels._kept.values()
    close = first.channel.close

    async def slow_close() -> None:
        """Until the second one has put its channel in the place of the first one's."""
        (mine,) = channels._kept.values()
        room_is_made.set()
        await until(lambda: mine not in channels._kept.values(), "the second opens its own")
        await close()

    first.channel.close = slow_close  # type: ignore[assignment]
    found = await asyncio.gather(connected("shop.example"), connected("shop.example"))
    assert set(found) == {grpc.ChannelConnectivity.READY}
    await channels.close()
