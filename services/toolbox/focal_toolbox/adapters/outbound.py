"""Where requests may lead: hosts that are allowed, and connections to addresses that were checked.

A name is resolved once, here, and not again by a library: one that is public when it is checked could be
private when it is connected to (DNS rebinding). TLS and the Host header keep the name. Every provider that
connects to what a definition, an argument or an answer names goes through this module.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from focal_toolbox import errors
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


async def _resolved(host: str, port: int) -> Sequence[str]:
    """The system's answer; every spelling of an address that the system knows becomes the usual one.

    The usual one itself is not looked up: that would take a thread.
    """
    if "%" not in host and addresses.read(host) is not None:
        return [host]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
