"""Posts to webhooks over HTTP, and only to addresses that were looked at.

A name may resolve to a public address when it is checked and to a private one when it is used. So the name is
resolved here, every address it has is checked, and the connection goes to the checked address; the name is
still what the certificate must be for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time

import httpx

from focal_turn_gateway import errors
from focal_turn_gateway.domain import webhooks
from focal_turn_gateway.domain.webhooks import Answer, Post

_READ_BYTES = 4096
_LONGEST_ERROR = 200


class HttpWebhookSender:
    """`ports.webhooks.WebhookSender`. `timeout_s` bounds a whole post in seconds; `allow_local` permits
    http and addresses that are not public.
    """

    def __init__(self, client: httpx.AsyncClient, *, timeout_s: float, allow_local: bool) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._allow_local = allow_local

    async def post(self, post: Post) -> Answer:
        """Post once. Whatever goes wrong is an answer too; it names no address and no text of a driver."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(post)
        except TimeoutError:
            return Answer(0, f"no answer within {self._timeout_s:g} s")
        except errors.InvalidField as refusal:
            return Answer(0, refusal.message[:_LONGEST_ERROR])
        except (OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return Answer(0, f"the receiver cannot be reached ({type(error).__name__})")

    async def _post(self, post: Post) -> Answer:
        url = httpx.URL(webhooks.checked_url(post.url, allow_local=self._allow_local))
        address = await self._resolved(url)
        request = self._client.build_request(
            "POST",
            url.copy_with(host=str(address)),
            content=post.body,
            headers={
                "Host": url.netloc.decode("ascii"),
                "Content-Type": "application/json",
                "User-Agent": "focal-webhooks/1",
                "X-Focal-Delivery": post.delivery_id,
                "X-Focal-Event": post.name,
                "X-Focal-Event-Id": post.event_id,
                "X-Focal-Signature": webhooks.signature(post.secrets, int(time.time()), post.body),
            },
            extensions={"sni_hostname": url.host},
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            return Answer(response.status_code, text=await _beginning(response))
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


async def _beginning(response: httpx.Response) -> str:
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= _READ_BYTES:
            break
    return read[:_READ_BYTES].decode(errors="replace")


def client(connections: int) -> httpx.AsyncClient:
    """A client for the sender. Connections are not kept: the next post may have to go to another address. It
    reads no proxies from the environment, which would resolve names in our place.
    """
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=0)
    return httpx.AsyncClient(limits=limits, timeout=None, trust_env=False)  # noqa: S113
