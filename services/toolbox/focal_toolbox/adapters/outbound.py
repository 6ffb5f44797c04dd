"""Where requests may lead: hosts that are allowed, and connections to addresses that were checked.

A name is resolved once, here, and not again by a library: one that is public when it is checked could be
private when it is connected to (DNS rebinding). TLS and the Host header keep the name. Every provider that
connects to what a definition, an argument or an answer names goes through this module.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore
import httpx

from focal_toolbox import errors
from focal_toolbox.adapters.sockets import LoopBackend
from focal_toolbox.domain import addresses
from focal_toolbox.domain.addresses import Network
from focal_toolbox.domain.hosts import AllowedHosts, Place

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to the addresses of the host, best first; raises OSError."""


class AddressRefused(Exception):
    """A host resolves to an address that requests must not go to."""


class Outbound:
    """What may be reached from here: hosts all of whose addresses are public or in `networks`."""

    def __init__(
        self, hosts: AllowedHosts, networks: Sequence[Network] = (), resolve: Resolve | None = None
    ) -> None:
        self._hosts = hosts
        self._networks = tuple(networks)
        self._resolve = resolve or _resolved

    def check(self, tenant_id: str, host: str, port: int, *, stated: bool = True) -> None:
        """Refusal HOST_NOT_ALLOWED unless a tenant's tool may reach the host; looks nothing up.

        `stated` tells whether the definition names the host, and no argument or answer has a part in it.
        """
        try:
            place = Place.of(host, port)
        except ValueError:
            raise errors.Refusal("HOST_NOT_ALLOWED", "the tool's URL leads to no valid host") from None
        if not self._hosts.allow(tenant_id, place, stated=stated):
            whose = "" if stated else " that an argument names"
            message = (
                f"the tool's URL leads to a host{whose} that the toolbox setting outbound.hosts does not list"
            )
            raise errors.Refusal("HOST_NOT_ALLOWED", message + (f": {place.name}:{port}" if stated else ""))
        address = addresses.read(place.name)
        if address is not None and not addresses.reachable(address, self._networks):
            message = (
                "the tool's URL leads to an address that the toolbox setting outbound.networks does not allow"
            )
            raise errors.Refusal("HOST_NOT_ALLOWED", message)

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a host, all of them checked; raises AddressRefused, or OSError without any."""
        found = await self._resolve(host, port)
        for text in found:
            address = addresses.read(text)
            if address is None or not addresses.reachable(address, self._networks):
                raise AddressRefused
        return found


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects as `inner` does, to addresses that `outbound` has checked."""

    def __init__(self, outbound: Outbound, inner: httpcore.AsyncNetworkBackend | None = None) -> None:
        self._outbound = outbound
        self._inner = inner or LoopBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                found = await self._outbound.addresses(host, port)
        except (TimeoutError, OSError, UnicodeError):
            raise httpcore.ConnectError("the host name cannot be resolved") from None
        share = timeout and timeout / len(found)
        failure: Exception | None = None
        for address in found:
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("the host has no address")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class CheckedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport on a pool that connects through `CheckedBackend`."""

    def __init__(self, outbound: Outbound, verify: Any, limits: httpx.Limits) -> None:
        super().__init__(verify=verify, trust_env=False, limits=limits)
        # httpx has no argument for the backend of its pool.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=verify,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=CheckedBackend(outbound),
        )


async def _resolved(host: str, port: int) -> Sequence[str]:
    """The system's answer; every spelling of an address that the system knows becomes the usual one.

    The usual one itself is not looked up: that would take a thread.
    """
    if "%" not in host and addresses.read(host) is not None:
        return [host]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
