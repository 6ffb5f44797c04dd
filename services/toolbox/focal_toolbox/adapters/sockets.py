"""TCP and TLS connections of the HTTP client on the event loop itself.

The library's own backend goes through a second abstraction of event loops, a good part of what a short
request costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, TypeVar, cast

import httpcore

T = TypeVar("T")

HELD_BYTES = 64 * 1024
"""Bytes that wait for more to be written: head and body of a short request leave together."""
BUFFERED_BYTES = 256 * 1024
"""Bytes that may wait to be read; beyond, the peer has to wait."""


class LoopBackend(httpcore.AsyncNetworkBackend):
    """Connects with the running event loop."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        local = (local_address, 0) if local_address else None
        with _as(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                _, pipe = await loop.create_connection(_Pipe, host, port, local_addr=local)
        for option in socket_options or ():
            pipe.transport.get_extra_info("socket").setsockopt(*option)
        return LoopStream(pipe)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LoopStream(httpcore.AsyncNetworkStream):
    """One connection."""

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        with _as(httpcore.ReadTimeout, httpcore.ReadError):
            return await _within(self._pipe.read(max_bytes), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if not buffer:
            return
        with _as(httpcore.WriteTimeout, httpcore.WriteError):
            await _within(self._pipe.write(buffer), timeout)

    async def aclose(self) -> None:
        self._pipe.transport.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        try:
            with _as(httpcore.ConnectTimeout, httpcore.ConnectError):
                async with asyncio.timeout(timeout):
                    await self._pipe.start_tls(ssl_context, server_hostname)
        except BaseException:
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        """`is_readable` tells the pool that a connection which waits is of no use any more."""
        if info == "is_readable":
            return self._pipe.readable
        return self._pipe.transport.get_extra_info(info)


class _Pipe(asyncio.Protocol):
    """What has arrived and was not read yet, and whether there will be more."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._arrived = bytearray()
        self._ended = False
        self._failure: Exception | None = None
        self._paused = False
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        self._changed.set()
        if len(self._arrived) > BUFFERED_BYTES and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The connection is closed: HTTP/1.1 has no use for half of one."""
        self._ended = True
        self._changed.set()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._ended, self._failure = True, error
        self._changed.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    @property
    def readable(self) -> bool:
        return self._ended or bool(self._arrived)

    async def read(self, most: int) -> bytes:
        """Up to `most` bytes, none at the end, after what was held has gone out.

        Raises OSError when the connection broke.
        """
        if self._held:
            await self._flush()
        while not self._arrived:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b""
            self._changed.clear()
            await self._changed.wait()
        found = bytes(self._arrived[:most])
        del self._arrived[:most]
        if self._paused and len(self._arrived) <= BUFFERED_BYTES:
            self._paused = False
            self.transport.resume_reading()
        return found

    async def write(self, data: bytes) -> None:
        """Hold it, or returns when the transport takes more; raises OSError when the connection is gone."""
        self._held += data
        if len(self._held) > HELD_BYTES:
            await self._flush()

    async def _flush(self) -> None:
        self.transport.write(bytes(self._held))
        self._held.clear()
        await self._writable.wait()
        if self._failure is not None:
            raise self._failure

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        """Go on encrypted; raises OSError, of which ssl.SSLError is one."""
        loop = asyncio.get_running_loop()
        encrypted = await loop.start_tls(self.transport, self, context, server_hostname=server_hostname)
        if encrypted is None:
            raise ConnectionResetError("the peer hung up")
        self.transport = encrypted


async def _within(work: Coroutine[Any, Any, T], limit_s: float | None) -> T:
    if limit_s is None:
        return await work
    async with asyncio.timeout(limit_s):
        return await work


@contextlib.contextmanager
def _as(too_late: type[Exception], broken: type[Exception]) -> Iterator[None]:
    """The loop's errors as the library's."""
    try:
        yield
    except TimeoutError as error:
        raise too_late(str(error)) from error
    except OSError as error:
        raise broken(str(error)) from error
