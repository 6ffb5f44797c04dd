"""The reference: gRPC processes that pass a message on and echo it, with nothing of Focal in them.

`python -m benchmarks.mesh.echo_chain [--next TARGET]` serves one hop and prints its address.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc.aio
import uvloop

from benchmarks import counterparts

METHOD = "/bench.Echo/Say"
Say = Callable[[bytes], Awaitable[bytes]]


@asynccontextmanager
async def running(hops: int) -> AsyncIterator[tuple[str, list[int]]]:
    """A chain of `hops` processes; yields the first one's target and all pids."""
    async with AsyncExitStack() as stack:
        target, pids = "", []
        for _ in range(hops):
            chain = counterparts.running("benchmarks.mesh.echo_chain", "--next", target)
            target, pid = await stack.enter_async_context(chain)
            pids.append(pid)
        yield target, pids


@asynccontextmanager
async def caller(target: str) -> AsyncIterator[Say]:
    """Calls the chain."""
    async with grpc.aio.insecure_channel(target) as channel:
        say: Any = channel.unary_unary(METHOD)

        async def call(message: bytes) -> bytes:
            echoed: bytes = await say(message, timeout=10)
            return echoed

        yield call


class _Hop(grpc.GenericRpcHandler):
    def __init__(self, say: Say | None) -> None:
        self._say = say

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        return grpc.unary_unary_rpc_method_handler(self._echo) if details.method == METHOD else None

    async def _echo(self, message: bytes, _context: object) -> bytes:
        return await self._say(message) if self._say is not None else message


async def _serve(following: str) -> None:
    async with AsyncExitStack() as stack:
        say = await stack.enter_async_context(caller(following)) if following else None
        await counterparts.serve(lambda server: server.add_generic_rpc_handlers((_Hop(say),)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--next", default="")
    uvloop.run(_serve(parser.parse_args().next))
