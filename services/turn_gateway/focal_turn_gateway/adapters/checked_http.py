"""Posts over HTTP, and only to addresses that were looked at.

A name may resolve to a public address when it is checked and to a private one when it is used. So the name is
resolved here, every address it has is checked, and the connection goes to the checked address; the name is
still what the certificate must be for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from focal_turn_gateway import errors
from focal_turn_gateway.domain import webhooks

UNREACHABLE = (OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeError)
"""What a post may raise beside InvalidField."""
Trace = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class CheckedHttp:
    """`allow_local` permits http and addresses that are not public."""

    def __init__(self, client: httpx.AsyncClient, *, allow_local: bool) -> None:
        self._client = client
        self._allow_local = allow_local

    @asynccontextmanager
    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, trace: Trace | None = None
    ) -> AsyncIterator[httpx.Response]:
        """The answer to one post, its body unread; `trace` hears what the transport does. Raises InvalidField
        and the errors in `UNREACHABLE`.
        """
        parsed = httpx.URL(webhooks.checked_url(url, allow_local=self._allow_local))
        address = await self._resolved(parsed)
        request = self._client.build_request(
            "POST",
            parsed.copy_with(host=str(address)),
            content=body,
            headers={"Host": parsed.netloc.decode("ascii"), "Content-Type": "application/json", **headers},
            extensions={"sni_hostname": parsed.host, **({"trace": trace} if trace else {})},
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            yield response
        finally:
            await response.aclose()

    async def _resolved(self, url: httpx.URL) -> webhooks.Address:
        """One address of the URL's host. Raises InvalidField when any of them is not public, OSError."""
        literal = webhooks.address_of(url.host)
        if literal is not None:
            found = [literal]
        else:
            port = url.port or (443 if url.scheme == "https" else 80)
            known = await asyncio.get_running_loop().getaddrinfo(
                url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM
            )
            found = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in known]
        if not self._allow_local and not all(map(webhooks.is_public, found)):
            raise errors.InvalidField("url", "leads to an address that is not public")
        return found[0]


def client(connections: int) -> httpx.AsyncClient:
    """A client for posts. Connections are not kept: the next post may have to go to another address. It
    reads no proxies from the environment, which would resolve names in our place.
    """
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=0)
    return httpx.AsyncClient(limits=limits, timeout=None, trust_env=False)  # noqa: S113
