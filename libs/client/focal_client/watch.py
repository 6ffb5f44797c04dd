"""Follow a session's events over as many streams as it takes."""

import asyncio
from collections.abc import AsyncIterator

import grpc

from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal.turn.v1 import turn_gateway_service_pb2_grpc as gateway_grpc
from focal_client import calls, channels, errors, events

MOST_FAILURES_IN_A_ROW = 40


async def frames(
    stub: "gateway_grpc.TurnGatewayServiceAsyncStub",
    token: channels.Token,
    request: gateway.WatchSessionRequest,
) -> AsyncIterator[events.Frame]:
    """Every stored event once and in order, live text between them; raises CallFailed."""
    waits, failures = calls.pauses(), 0
    while True:
        call = stub.WatchSession(request, metadata=channels.metadata(token))
        try:
            async for answer in call:
                waits, failures = calls.pauses(), 0
                if (frame := events.from_frame(answer)) is None:
                    break  # the gateway asks us to come again
                request.after_offset = getattr(frame, "offset", request.after_offset)
                yield frame
        except grpc.aio.AioRpcError as failure:
            failures += 1
            if not calls.is_broken(failure) or failures > MOST_FAILURES_IN_A_ROW:
                raise errors.from_rpc(failure) from None
        finally:
            call.cancel()
        await asyncio.sleep(next(waits))
