"""The HTTP client of tools: connections to checked addresses, and word of whether a request began to leave.

What a client may add by itself (cookies, redirects, decompression, the environment's proxies and
credentials) is off: a request is what its definition says.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import aiohttp.abc
import httpx

from focal_toolbox.adapters.outbound import Outbound


@dataclass(frozen=True, slots=True)
class Clients:
    """`pooled` keeps connections, `single` opens one per request."""

    pooled: aiohttp.ClientSession
    single: aiohttp.ClientSession


class ConnectionLost(aiohttp.ClientError):
    """The connection broke while a request was under way."""


class Wire:
    """Learns from the client whether anything of the request may have left."""

    def __init__(self) -> None:
        self.sent = False


@asynccontextmanager
async def clients(outbound: Outbound, connections: int, connect_s: float) -> AsyncIterator[Clients]:
    """The two clients of a process: at most so many connections each, opened within `connect_s` seconds."""
    trust = httpx.create_ssl_context()
    async with (
        session(outbound, trust, connections, connect_s) as pooled,
        session(outbound, trust, connections, connect_s, keep=False) as single,
    ):
        yield Clients(pooled, single)


def session(
    outbound: Outbound, trust: ssl.SSLContext, connections: int, connect_s: float, *, keep: bool = True
) -> aiohttp.ClientSession:
    """A client whose requests may carry a Wire as `trace_request_ctx`."""
    connector = aiohttp.TCPConnector(
        resolver=_CheckedResolver(outbound),
        use_dns_cache=False,
        limit=connections,
        force_close=not keep,
        ssl=trust,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s),
        trace_configs=[_tracing()],
        middlewares=(_once,),
        auto_decompress=False,
        trust_env=False,
    )


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send once. The client would send GET, PUT and DELETE again by itself when a connection breaks; whether
    a request may be repeated is for the tool's policy to say.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as lost:
        raise ConnectionLost from lost


class _CheckedResolver(aiohttp.abc.AbstractResolver):
    """Names to addresses that `outbound` has checked; literal addresses it checks with the URL."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[aiohttp.abc.ResolveResult]:
        try:
            found = await self._outbound.addresses(host, port)
        except UnicodeError as error:
            raise OSError("the host name is not valid") from error
        return [_resolved(host, address, port) for address in found]

    async def close(self) -> None:
        """Nothing is kept."""


def _resolved(host: str, address: str, port: int) -> aiohttp.abc.ResolveResult:
    return aiohttp.abc.ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )


def _tracing() -> aiohttp.TraceConfig:
    """From the moment a connection is there on, a request may have left."""
    tracing: aiohttp.TraceConfig = aiohttp.TraceConfig()

    async def connected(_session: Any, context: Any, _details: Any) -> None:
        if isinstance(context.trace_request_ctx, Wire):
            context.trace_request_ctx.sent = True

    tracing.on_connection_create_end.append(connected)
    tracing.on_connection_reuseconn.append(connected)
    return tracing
