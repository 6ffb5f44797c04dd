"""Sessions with MCP servers: one per server and credentials, shared by all calls.

A session that has ended is made anew for the next call. Each belongs to one task from its beginning to its
end, as the SDK's task groups demand.
"""

from __future__ import annotations

import asyncio
import logging as std_logging
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from focal_service_kit import deadlines, logging
from focal_toolbox.adapters.providers.mcp_wire import WatchedStream, WatchedTransport

STOP_S = 8.0
"""What the SDK takes at most to stop a command that does not want to: three waits of 2 s, and one of 0.5."""

_log = logging.get("mcp")
# The SDK logs what servers write when it cannot read it: that may be anything, secrets included.
std_logging.getLogger("mcp").setLevel(std_logging.CRITICAL + 1)
std_logging.getLogger("client").setLevel(std_logging.CRITICAL + 1)


class Unreachable(Exception):
    """There is no session, so nothing was sent."""


class Busy(Exception):
    """As many sessions as may be are open, and all are in use."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server with its templates filled; equal ones share a session."""

    name: str
    command: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, bytes of an answer, sessions, seconds one may be idle; whether stderr is shown."""

    connect_s: float
    answer_bytes: int
    sessions: int
    idle_s: float
    stderr: bool = False


class Session:
    """One connection, kept by a task of its own."""

    def __init__(self, server: Server, limits: Limits) -> None:
        self._server = server
        self._limits = limits
        self._stopping = asyncio.Event()
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self.users = 0
        self.used_at = time.monotonic()
        self.ended = False
        self._task = asyncio.get_running_loop().create_task(
            self._live(), name=f"mcp {server.name}", context=deadlines.detached()
        )

    async def client(self) -> Client:
        """The connected client; Unreachable when there is none within the limit."""
        try:
            async with asyncio.timeout(self._limits.connect_s):
                return await asyncio.shield(self._ready)
        except TimeoutError:
            self.stop()
            raise Unreachable from None

    def stop(self) -> None:
        """Take no further calls, and close."""
        self.ended = True
        self._stopping.set()
        if not self._ready.done():
            self._task.cancel()

    async def stopped(self, within_s: float) -> None:
        """Wait for the end; what takes longer is cancelled."""
        await asyncio.wait({self._task}, timeout=within_s)
        self._task.cancel()

    async def _live(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                transport = _watched(await self._transport(stack), self._has_ended)
                client = await stack.enter_async_context(Client(transport, cache=None))
                self._ready.set_result(client)
                await self._stopping.wait()
        except asyncio.CancelledError:
            pass
        except BaseException as failure:  # noqa: BLE001 - groups of whatever the SDK's transport ran into
            _log.warning("session ended", server=self._server.name, kind=_kind(failure))
        finally:
            self._has_ended()
            if not self._ready.done():
                self._ready.set_exception(Unreachable())
                self._ready.exception()

    def _has_ended(self) -> None:
        self.ended = True
        self._stopping.set()

    async def _transport(self, stack: AsyncExitStack) -> Any:
        server = self._server
        if server.command:
            errors = sys.stderr if self._limits.stderr else stack.enter_context(_nowhere())
            program, *arguments = server.command
            return stdio_client(
                StdioServerParameters(command=program, args=arguments, env=dict(server.env)), errlog=errors
            )
        limit = self._limits.answer_bytes
        client = httpx2.AsyncClient(
            headers=dict(server.headers),
            timeout=httpx2.Timeout(None, connect=self._limits.connect_s),
            transport=WatchedTransport(httpx2.AsyncHTTPTransport(trust_env=False), limit),
            trust_env=False,
        )
        await stack.enter_async_context(client)
        return streamable_http_client(server.url, http_client=client, max_sse_event_size=limit)


class Sessions:
    """The sessions of a process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[Server, Session] = {}
        self._closing: set[Session] = set()

    @asynccontextmanager
    async def connected(self, server: Server) -> AsyncIterator[Client]:
        """A session's client; raises Unreachable or Busy, and then nothing was sent."""
        session = self._session(server)
        session.users += 1
        try:
            yield await session.client()
        finally:
            session.users -= 1
            session.used_at = time.monotonic()

    def forget(self, server: Server) -> None:
        """Make a new session for the next call."""
        if session := self._open.pop(server, None):
            self._stop(session)

    async def close(self) -> None:
        """Close all of them."""
        for server in list(self._open):
            self.forget(server)
        if self._closing:
            await asyncio.gather(*(session.stopped(STOP_S) for session in self._closing))

    def _session(self, server: Server) -> Session:
        self._tidy()
        found = self._open.get(server)
        if found is None:
            self._make_room()
            found = self._open[server] = Session(server, self._limits)
        return found

    def _tidy(self) -> None:
        """Let go of sessions that have ended, and of those that nobody has used for long."""
        long_ago = time.monotonic() - self._limits.idle_s
        for server, session in list(self._open.items()):
            if session.ended or (not session.users and session.used_at < long_ago):
                self.forget(server)

    def _make_room(self) -> None:
        while len(self._open) >= self._limits.sessions:
            unused = [(one.used_at, server) for server, one in self._open.items() if not one.users]
            if not unused:
                raise Busy
            self.forget(min(unused, key=lambda pair: pair[0])[1])

    def _stop(self, session: Session) -> None:
        session.stop()
        self._closing.add(session)
        session._task.add_done_callback(lambda _: self._closing.discard(session))  # noqa: SLF001 - its own module


@asynccontextmanager
async def _watched(transport: Any, ended: Any) -> AsyncIterator[Any]:
    async with transport as (incoming, outgoing):
        yield WatchedStream(incoming, ended), outgoing


def _kind(failure: BaseException) -> str:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return type(failure).__name__


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")
