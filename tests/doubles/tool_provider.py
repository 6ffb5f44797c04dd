"""A tool provider that misbehaves on the wire as told: it answers, hangs, or hangs up at any point.

Written on bare sockets, because HTTP libraries refuse to break the protocol.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: str


@dataclass
class ToolProvider:
    """`behaviours` are used up one per request, the last one stays. `received` counts what came."""

    url: str = ""
    behaviours: list[Behaviour] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def behave(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The end of the test's loop cancels what still hangs.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                self.received.append(await _read(reader))
                self.arrived.set()
                behaviour = self.behaviours[0] if self.behaviours else answer()
                if len(self.behaviours) > 1:
                    self.behaviours.pop(0)
                await behaviour(writer)
                if writer.is_closing():
                    return
        writer.close()


def answer(
    status: int = 200,
    body: str = '{"ok":true}',
    *,
    after: asyncio.Event | None = None,
    content_type: str = "application/json",
    headers: str = "",
) -> Behaviour:
    """A whole answer, once `after` is set."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        if after is not None:
            await after.wait()
        content = body.encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\n"
            f"{headers}\r\n".encode()
            + content
        )
        await writer.drain()

    return behave


async def hang(writer: asyncio.StreamWriter) -> None:
    """Never answers; ends when the caller hangs up or the server stops."""
    while not writer.is_closing():
        await asyncio.sleep(0.01)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Closes the connection instead of answering."""
    writer.close()


async def cut_body(writer: asyncio.StreamWriter) -> None:
    """Announces more than it sends."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"ok":')
    await writer.drain()
    writer.close()


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[ToolProvider]:
    """A provider on a free loopback port, with `tls` over https."""
    provider = ToolProvider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=tls)
    host, port = server.sockets[0].getsockname()
    provider.url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield provider
    finally:
        server.close()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ")
    pairs = (line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, target, headers, body.decode())


def refusal(code: str) -> str:
    """The body of a refusal that states its reason."""
    return json.dumps({"error": {"code": code, "message": "no"}})
