"""Counterparts of a benchmark: processes that say where they serve, and serve until they are terminated."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio

ROOT = Path(__file__).parents[1]


@asynccontextmanager
async def running(module: str, *arguments: str) -> AsyncIterator[tuple[str, int]]:
    """`python -m module` as a process; yields the line that it begins with, and its pid."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip(), process.pid
    finally:
        process.terminate()
        await process.wait()


async def terminated(address: str) -> None:
    """Inside such a process: say where it serves, and return when it shall end."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    print(address, flush=True)
    await stopping.wait()


async def serve(add: Callable[[grpc.aio.Server], None]) -> None:
    """A gRPC server on a free loopback port, with what `add` registers, until it shall end."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await terminated(f"127.0.0.1:{port}")
    await server.stop(0)
