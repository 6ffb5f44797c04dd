"""Connections on the event loop, against servers on loopback.

Seen to fail: without `_flush` in `read`, with every write flushed, without `pause_reading`, and with
`readable` false.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpcore
import pytest

from focal_toolbox.adapters.sockets import BUFFERED_BYTES, HELD_BYTES, LoopBackend
from tests.fakes.until import until

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
WITHIN_S = 5.0


@asynccontextmanager
async def connected(serve: Serve) -> AsyncIterator[httpcore.AsyncNetworkStream]:
    """A connection to a server that does as `serve` says."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    stream = await LoopBackend().connect_tcp(host, port, WITHIN_S)
    try:
        yield stream
    finally:
        await stream.aclose()
        server.close()


async def test_head_and_body_of_a_request_leave_together_when_the_answer_is_waited_for() -> None:
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(1000))
        writer.write(b"answer")

    async with connected(serve) as stream:
        await stream.write(b"head ")
        await asyncio.sleep(0.05)
        assert arrived == []
        await stream.write(b"body")
        assert await stream.read(1000, WITHIN_S) == b"answer"
    assert arrived == [b"head body"]


async def test_what_is_too_long_to_be_held_leaves_at_once() -> None:
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(HELD_BYTES + 1)
        arrived.set()

    async with connected(serve) as stream:
        await stream.write(b"x" * (HELD_BYTES + 1), WITHIN_S)
        await asyncio.wait_for(arrived.wait(), WITHIN_S)


async def test_a_flood_of_an_answer_waits_with_its_sender() -> None:
    size = 64 * BUFFERED_BYTES  # far more than the system keeps of a connection
    sent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * size)
        await writer.drain()
        sent.set()
        writer.close()

    async with connected(serve) as stream:
        got = len(await stream.read(10, WITHIN_S))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sent.wait(), 1)
        while piece := await stream.read(65536, WITHIN_S):
            got += len(piece)
    assert got == size


async def test_the_end_reads_as_nothing_and_a_waiting_connection_shows_it() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.close()

    async with connected(serve) as stream:
        assert not stream.get_extra_info("is_readable")
        await stream.write(b"x")
        assert await stream.read(10, WITHIN_S) == b""
        await until(lambda: stream.get_extra_info("is_readable"), "the end is seen")


async def test_a_broken_connection_is_an_error_of_the_library() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        linger = struct.pack("ii", 1, 0)  # hang up without a goodbye
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with connected(serve) as stream:
        await stream.write(b"x")
        with pytest.raises(httpcore.ReadError):
            await stream.read(10, WITHIN_S)


async def test_who_says_nothing_is_waited_for_only_so_long() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with connected(serve) as stream:
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(10, 0.05)


async def test_nobody_there_is_an_error_of_the_library() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(httpcore.ConnectError):
            await LoopBackend().connect_tcp("127.0.0.1", taken.getsockname()[1], WITHIN_S)
