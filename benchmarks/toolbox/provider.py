"""The counterpart: an HTTP server that does nothing but count which orders it was asked to pay, and a direct
caller of it.

`python -m benchmarks.toolbox.provider` serves and prints its URL.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import uvloop

from benchmarks import counterparts

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


@dataclass(frozen=True)
class Count:
    """Payments by the provider's own count: orders paid, and payments beyond the first of an order."""

    paid: int
    repeated: int


@dataclass
class Direct:
    """Calls on one kept connection, with nothing in between."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self, order: str) -> bytes:
        """What the PURE tool asks for."""
        return await self._call(f"GET /orders/{order} HTTP/1.1\r\nHost: bench\r\n\r\n")

    async def pay(self, order: str) -> bytes:
        """What the IRREVERSIBLE tool asks for."""
        return await self._call(
            f"POST /orders/{order} HTTP/1.1\r\nHost: bench\r\nContent-Length: 2\r\n\r\n{{}}"
        )

    async def count(self) -> Count:
        """How often it was paid."""
        found = json.loads(await self._call("GET /count HTTP/1.1\r\nHost: bench\r\n\r\n"))
        return Count(found["paid"], found["repeated"])

    async def _call(self, request: str) -> bytes:
        self.writer.write(request.encode())
        head = await self.reader.readuntil(_END_OF_HEAD)
        return await self.reader.readexactly(_length(head))


@asynccontextmanager
async def running() -> AsyncIterator[tuple[str, int]]:
    """A provider in a process of its own; yields its URL and pid."""
    async with counterparts.running("benchmarks.toolbox.provider") as found:
        yield found


@asynccontextmanager
async def direct(url: str) -> AsyncIterator[Direct]:
    """A direct caller of the provider at `url`."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Direct(reader, writer)
    finally:
        writer.close()


class _Connection(asyncio.Protocol):
    """Answers one request after the other."""

    def __init__(self, payments: Counter[bytes]) -> None:
        self._payments = payments
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports derive from nothing

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(_END_OF_HEAD)) >= 0:
            whole = end + len(_END_OF_HEAD) + _length(self._received[: end + 2])
            if len(self._received) < whole:
                return
            line, self._received = self._received[:end].partition(b"\r\n")[0], self._received[whole:]
            self._transport.write(_response(self._answer(line)))

    def _answer(self, line: bytes) -> bytes:
        method, target, _ = line.split(b" ")
        if target == b"/count":
            repeated = self._payments.total() - len(self._payments)
            return json.dumps({"paid": len(self._payments), "repeated": repeated}).encode()
        if method == b"POST":
            self._payments[target] += 1
        return b'{"ok":true,"order":{"total":"12.50","status":"delivered"}}'


def _length(head: bytes) -> int:
    _, _, after = head.lower().partition(_LENGTH)
    return int(after.partition(b"\r\n")[0] or 0)


def _response(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _serve() -> None:
    payments: Counter[bytes] = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(payments), "127.0.0.1", 0, backlog=1024)
    await counterparts.terminated(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve())
