"""Connections to foreign gRPC services, kept per service and only to addresses that were checked."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import grpc.aio

from focal_toolbox.adapters.outbound import Outbound


class Unreachable(Exception):
    """No connection was made, so nothing was sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service: host, port, and whether TLS protects the connection."""

    host: str
    port: int
    tls: bool


@dataclass(slots=True, eq=False)
class _Kept:
    channel: grpc.aio.Channel
    until: float
    users: int = 0
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Channels at most, seconds one is kept, seconds to connect, bytes of an answer."""

    channels: int
    kept_s: float
    connect_s: float
    answer_bytes: int


class Channels:
    """The channels of a process. `roots` are certificate authorities in PEM, None for gRPC's own."""

    def __init__(self, outbound: Outbound, limits: Limits, roots: bytes | None) -> None:
        self._outbound = outbound
        self._limits = limits
        self._credentials = grpc.ssl_channel_credentials(roots)
        self._kept: OrderedDict[Target, _Kept] = OrderedDict()

    @asynccontextmanager
    async def connected(self, target: Target) -> AsyncIterator[grpc.aio.Channel]:
        """A channel with a connection; raises Unreachable or AddressRefused, and then nothing was sent."""
        kept = self._kept.get(target)
        if kept is None or kept.until < time.monotonic():
            kept = await self._open(target)
        else:
            kept.users += 1
        try:
            await self._connect(target, kept)
            yield kept.channel
        finally:
            kept.users -= 1
            await self._close_unused(kept)

    def forget(self, target: Target, channel: grpc.aio.Channel) -> None:
        """Connect anew for the next call; what is under way on the channel goes on."""
        kept = self._kept.get(target)
        if kept is not None and kept.channel is channel:
            kept.retired = True
            del self._kept[target]

    async def close(self) -> None:
        """Close all of them, and end what is under way on them."""
        while self._kept:
            await self._kept.popitem()[1].channel.close()

    async def _open(self, target: Target) -> _Kept:
        """A new channel with its first user, or another that opens one meanwhile would close it."""
        try:
            async with asyncio.timeout(self._limits.connect_s):
                addresses = await self._outbound.addresses(target.host, target.port)
        except (TimeoutError, OSError, UnicodeError):
            raise Unreachable from None
        channel = self._channel(target, addresses)
        kept = _Kept(channel, time.monotonic() + self._limits.kept_s, users=1)
        await self._retire(self._kept.pop(target, None))
        self._kept[target] = kept
        while len(self._kept) > self._limits.channels:
            await self._retire(self._kept.popitem(last=False)[1])
        return kept

    def _channel(self, target: Target, addresses: Sequence[str]) -> grpc.aio.Channel:
        authority = f"[{target.host}]" if ":" in target.host else target.host
        options = (
            ("grpc.default_authority", f"{authority}:{target.port}"),
            ("grpc.max_receive_message_length", self._limits.answer_bytes),
            # The toolbox decides what is sent again, and a service's own configuration does not.
            ("grpc.enable_retries", 0),
            ("grpc.service_config_disable_resolution", 1),
            ("grpc.enable_http_proxy", 0),
            # Channels share connections otherwise, and with them the pause after a failure.
            ("grpc.use_local_subchannel_pool", 1),
        )
        where = _literal(addresses, target.port)
        if not target.tls:
            return grpc.aio.insecure_channel(where, options=options)
        return grpc.aio.secure_channel(where, self._credentials, options=options)

    async def _connect(self, target: Target, kept: _Kept) -> None:
        try:
            async with asyncio.timeout(self._limits.connect_s):
                await _ready(kept.channel)
        except (TimeoutError, Unreachable):
            # gRPC would pause before it tries again; a new channel does not.
            self.forget(target, kept.channel)
            raise Unreachable from None
        if target in self._kept:
            self._kept.move_to_end(target)

    async def _retire(self, kept: _Kept | None) -> None:
        if kept is not None:
            kept.retired = True
            await self._close_unused(kept)

    async def _close_unused(self, kept: _Kept) -> None:
        if kept.retired and not kept.users:
            await kept.channel.close()


async def _ready(channel: grpc.aio.Channel) -> None:
    state = channel.get_state(try_to_connect=True)
    while state is not grpc.ChannelConnectivity.READY:
        if state in {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}:
            raise Unreachable
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)


def _literal(addresses: Sequence[str], port: int) -> str:
    """gRPC's spelling of addresses that need no resolving; it takes one family only, the first one's."""
    if not addresses:
        raise Unreachable
    version = ipaddress.ip_address(addresses[0].partition("%")[0]).version
    same = [one for one in addresses if (":" in one) is (version == 6)]
    return f"ipv{version}:" + ",".join(f"[{one}]:{port}" if version == 6 else f"{one}:{port}" for one in same)
