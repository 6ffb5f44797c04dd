"""Unary calls that outlive a restart of the gateway.

Only calls that may be repeated go through here: reads, and writes that carry a request id.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import TypeVar

import grpc

from focal_client import channels, errors

Request = TypeVar("Request")
Response = TypeVar("Response")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0


async def unary(
    method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]",
    request: Request,
    token: channels.Token,
    timeout_s: float,
) -> Response:
    """Call, and call again while the server is away, until the time is over; raises CallFailed."""
    deadline = time.monotonic() + timeout_s
    waits = pauses()
    while True:
        left_s = max(deadline - time.monotonic(), 0.001)
        try:
            return await method(request, timeout=left_s, metadata=channels.metadata(token))
        except grpc.aio.AioRpcError as failure:
            pause_s = next(waits)
            if not is_away(failure) or time.monotonic() + pause_s > deadline:
                raise errors.from_rpc(failure) from None
            await asyncio.sleep(pause_s)


def is_away(failure: grpc.aio.AioRpcError) -> bool:
    """Whether the server may be back soon."""
    return failure.code() is grpc.StatusCode.UNAVAILABLE


def is_broken(failure: grpc.aio.AioRpcError) -> bool:
    """Whether a stream ended for reasons of the connection, so that another may go better.

    A write to a stream that the server has just ended shows as INTERNAL without details of ours.
    """
    internal = failure.code() is grpc.StatusCode.INTERNAL
    return is_away(failure) or (internal and not errors.from_rpc(failure).reason)


def pauses() -> Iterator[float]:
    """Growing waits between attempts, in seconds, without end."""
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
