"""Sends a request of the provider `http`, follows redirects where a definition allows it, reads the answer.

A request that carries an idempotency key gets a connection of its own: on a reused one, a server that hangs
up while we send leaves a doubt that never had to be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from focal_toolbox import errors
from focal_toolbox.adapters.outbound import AddressRefused, CheckedTransport, Outbound
from focal_toolbox.adapters.providers import http_answer
from focal_toolbox.adapters.providers.http_reading import Reading
from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.hosts import DEFAULT_PORTS
from focal_toolbox.domain.redaction import Redaction

KEY_HEADER = "Idempotency-Key"
REASON_BYTES = 16 * 1024
"""How much of a refusal is read to find the provider's own word for it."""

_ASKS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "focal"}
_NOT_ENCODED = {"", "identity"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, bytes of an answer, connections at most."""

    connect_s: float
    answer_bytes: int
    connections: int


@dataclass(frozen=True, slots=True)
class Clients:
    """`pooled` keeps connections, `single` opens one per request.

    They are transports: what the library's client adds (cookies, redirects, the environment's credentials)
    is not wanted here, and costs as much as the exchange itself.
    """

    pooled: httpx.AsyncBaseTransport
    single: httpx.AsyncBaseTransport


@asynccontextmanager
async def clients(limits: Limits, outbound: Outbound) -> AsyncIterator[Clients]:
    """The two clients of a process; proxies and credentials of the environment are not used."""
    trust = httpx.create_ssl_context()

    def client(kept: int | None) -> httpx.AsyncBaseTransport:
        pool = httpx.Limits(max_connections=limits.connections, max_keepalive_connections=kept)
        return CheckedTransport(outbound, trust, pool)

    async with client(None) as pooled, client(0) as single:
        yield Clients(pooled, single)


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; `headers` are the definition's, credentials included."""

    tenant_id: str
    method: str
    url: httpx.URL
    headers: httpx.Headers
    content: bytes | None


@dataclass(frozen=True, slots=True)
class HttpDispatch:
    """A request that is ready to be sent; at most `redirects` are followed, and only without a key.

    `credentials` that were made for it stay out of its answer.
    """

    clients: Clients
    limits: Limits
    outbound: Outbound
    request: Request
    reading: Reading
    credentials: Redaction
    redirects: int

    @property
    def host(self) -> str:
        return self.request.url.netloc.decode()

    async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
        wire = _Wire()
        try:
            async with asyncio.timeout(timeout_s):
                return self.credentials.answer(await self._exchange(idempotency_key, wire))
        except AddressRefused:
            if wire.sent:
                return http_answer.redirect_refused("an address that is not allowed")
            return http_answer.address_refused()
        except (TimeoutError, httpx.TimeoutException):
            return http_answer.broken("timeout", "the provider did not answer in time", sent=wire.sent)
        except (httpx.HTTPError, httpx.StreamError, OSError):
            reason = "connection_lost" if wire.sent else "unreachable"
            message = "the connection broke" if wire.sent else "the provider cannot be reached"
            return http_answer.broken(reason, message, sent=wire.sent)

    async def _exchange(self, key: str, wire: _Wire) -> Answer:
        """A call with a key acts: its redirects are not followed, a second request is a second effect."""
        request, left = self.request, 0 if key else self.redirects
        while True:
            answer = await self._once(request, key, wire, follow=left > 0)
            if isinstance(answer, Answer):
                return answer
            request, left = answer, left - 1

    async def _once(self, request: Request, key: str, wire: _Wire, *, follow: bool) -> Answer | Request:
        client = self.clients.single if key else self.clients.pooled
        keyed = {KEY_HEADER: key} if key else {}
        wanted = httpx.Request(
            request.method,
            request.url,
            headers=httpx.Headers({**_ASKS, **request.headers, **keyed}),
            content=request.content,
            extensions={"trace": wire.trace, "timeout": {"connect": self.limits.connect_s}},
        )
        response = await client.handle_async_request(wanted)
        response.request = wanted
        async with aclosing(response):
            if follow and response.has_redirect_location:
                return self._redirected(request, response.headers["Location"])
            return await self._judged(response)

    async def _judged(self, response: httpx.Response) -> Answer:
        encoded = response.headers.get("Content-Encoding", "").strip().lower() not in _NOT_ENCODED
        if not response.is_success:
            body = b"" if encoded else await _start(response)
            retry_after = response.headers.get("Retry-After", "")
            return http_answer.failure(response.status_code, body, self.reading, retry_after)
        if encoded:
            return http_answer.encoded()
        whole = await _whole(response, self.limits.answer_bytes)
        if whole is None:
            return http_answer.too_large(self.limits.answer_bytes)
        return http_answer.success(whole, self.reading)

    def _redirected(self, request: Request, location: str) -> Answer | Request:
        """The request to where an answer leads. Another host gets nothing of the definition's headers."""
        try:
            url = request.url.join(location)
        except httpx.InvalidURL:
            return http_answer.redirect_refused("no URL")
        if url.scheme not in DEFAULT_PORTS or (request.url.scheme == "https" and url.scheme != "https"):
            return http_answer.redirect_refused("from https to another scheme")
        elsewhere = _origin(url) != _origin(request.url)
        if elsewhere:
            try:
                self.outbound.check(request.tenant_id, *_origin(url)[1:], stated=False)
            except errors.Refusal:
                return http_answer.redirect_refused("a host that is not allowed")
        return replace(request, url=url, headers=httpx.Headers() if elsewhere else request.headers)


class _Wire:
    """Learns from the transport whether anything of the request has left."""

    def __init__(self) -> None:
        self.sent = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(".send_request_headers.started"):
            self.sent = True


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.raw_host.decode(), url.port or DEFAULT_PORTS[url.scheme]


async def _whole(response: httpx.Response, limit: int) -> bytes | None:
    """The body, or None when it is longer than `limit` bytes."""
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)


async def _start(response: httpx.Response) -> bytes:
    """A refusal's body; a cut or overlong one says nothing, the status alone counts."""
    try:
        return await _whole(response, REASON_BYTES) or b""
    except httpx.HTTPError:
        return b""
