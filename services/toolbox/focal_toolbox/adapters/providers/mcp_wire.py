"""What of an MCP call has left this process, and what came back, below the SDK.

The SDK tells neither: it answers a lost connection and a refused one alike, and one failing request ends
its whole session with all the others in it. So failures of the transport become an HTTP status here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

import httpx2

NO_CONNECTION = 502
"""Status that stands for a request without an answer; nothing but this module's `Wire` is judged by."""
_CALL = "tools/call"


@dataclass(slots=True)
class Wire:
    """One call. `status` is the HTTP status of its answer, 0 before one came and over other transports."""

    sent: bool = False
    status: int = 0
    too_large: bool = False
    broken: bool = False


current: ContextVar[Wire | None] = ContextVar("focal_mcp_wire", default=None)
"""The call in whose context the SDK works; it hands the context on to the task that sends."""


class WatchedTransport(httpx2.AsyncBaseTransport):
    """Sends as `inner` does, notes what becomes of tool calls and cuts answers off after `most_bytes`."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, most_bytes: int) -> None:
        self._inner = inner
        self._most_bytes = most_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        wire = current.get() if _is_call(request) else None
        wire = wire or Wire()

        async def trace(event: str, info: Any) -> None:
            if event.endswith(".send_request_headers.started"):
                wire.sent = True

        request.extensions["trace"] = trace
        try:
            response = await self._inner.handle_async_request(request)
        except httpx2.TransportError:
            wire.broken = True
            return httpx2.Response(NO_CONNECTION, request=request)
        wire.status = response.status_code
        if request.method == "POST" and isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Limited(response.stream, self._most_bytes, wire)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Limited(httpx2.AsyncByteStream):
    """A body that ends early when it is too long or its connection breaks."""

    def __init__(self, inner: httpx2.AsyncByteStream, most_bytes: int, wire: Wire) -> None:
        self._inner = inner
        self._left = most_bytes
        self._wire = wire

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._inner:
                self._left -= len(piece)
                if self._left < 0:
                    self._wire.too_large = True
                    return
                yield piece
        except httpx2.TransportError:
            self._wire.broken = True

    async def aclose(self) -> None:
        await self._inner.aclose()


class WatchedStream:
    """The SDK's stream of incoming messages, which tells when it has ended."""

    def __init__(self, inner: Any, ended: Callable[[], None]) -> None:
        self._inner = inner
        self._ended = ended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __aiter__(self) -> WatchedStream:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._inner.__anext__()
        except BaseException:
            self._ended()
            raise

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> bool | None:
        found: bool | None = await self._inner.__aexit__(*raised)
        return found


def _is_call(request: httpx2.Request) -> bool:
    if request.method != "POST":
        return False
    try:
        found = json.loads(request.content)
    except (ValueError, httpx2.RequestNotRead):
        return False
    return isinstance(found, dict) and found.get("method") == _CALL
