"""Sends a request of the provider `http`, follows redirects where a definition allows it, reads the answer.

A request that carries an idempotency key gets a connection of its own: on a reused one, a server that hangs
up while we send leaves a doubt that never had to be.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import aiohttp
import httpx
import multidict
import yarl

from focal_toolbox import errors
from focal_toolbox.adapters.http_client import Clients, Wire
from focal_toolbox.adapters.outbound import AddressRefused, Outbound
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
_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of an answer."""

    answer_bytes: int


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; `headers` are the definition's, credentials included."""

    tenant_id: str
    method: str
    url: httpx.URL
    headers: multidict.CIMultiDict[str]
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
        wire = Wire()
        try:
            async with asyncio.timeout(timeout_s):
                return self.credentials.answer(await self._exchange(idempotency_key, wire))
        except AddressRefused:
            if wire.sent:
                return http_answer.redirect_refused("an address that is not allowed")
            return http_answer.address_refused()
        except TimeoutError:
            return http_answer.broken("timeout", "the provider did not answer in time", sent=wire.sent)
        except (aiohttp.ClientError, OSError):
            reason = "connection_lost" if wire.sent else "unreachable"
            message = "the connection broke" if wire.sent else "the provider cannot be reached"
            return http_answer.broken(reason, message, sent=wire.sent)

    async def _exchange(self, key: str, wire: Wire) -> Answer:
        """A call with a key acts: its redirects are not followed, a second request is a second effect."""
        request, left = self.request, 0 if key else self.redirects
        while True:
            answer = await self._once(request, key, wire, follow=left > 0)
            if isinstance(answer, Answer):
                return answer
            request, left = answer, left - 1

    async def _once(self, request: Request, key: str, wire: Wire, *, follow: bool) -> Answer | Request:
        client = self.clients.single if key else self.clients.pooled
        headers = multidict.CIMultiDict(_ASKS)
        headers.update(request.headers)
        if key:
            headers[KEY_HEADER] = key
        async with client.request(
            request.method,
            yarl.URL(str(request.url), encoded=True),
            headers=headers,
            data=request.content,
            allow_redirects=False,
            trace_request_ctx=wire,
        ) as response:
            location = response.headers.get("Location")
            if follow and location is not None and response.status in _REDIRECTS:
                return self._redirected(request, location)
            return await self._judged(response)

    async def _judged(self, response: aiohttp.ClientResponse) -> Answer:
        encoded = response.headers.get("Content-Encoding", "").strip().lower() not in _NOT_ENCODED
        if not 200 <= response.status < 300:
            body = b"" if encoded else await _start(response)
            retry_after = response.headers.get("Retry-After", "")
            return http_answer.failure(response.status, body, self.reading, retry_after)
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
        return replace(request, url=url, headers=multidict.CIMultiDict() if elsewhere else request.headers)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.raw_host.decode(), url.port or DEFAULT_PORTS[url.scheme]


async def _whole(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The body, or None when it is longer than `limit` bytes."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)


async def _start(response: aiohttp.ClientResponse) -> bytes:
    """A refusal's body; a cut or overlong one says nothing, the status alone counts."""
    try:
        return await _whole(response, REASON_BYTES) or b""
    except (aiohttp.ClientError, OSError):
        return b""
