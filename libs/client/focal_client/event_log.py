"""Follow the events of all sessions of a tenant over as many streams as it takes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import grpc

from focal.turn.v1 import event_pb2
from focal.turn.v1 import event_service_pb2 as service
from focal.turn.v1 import event_service_pb2_grpc as service_grpc
from focal_client import calls, channels, errors

MOST_FAILURES_IN_A_ROW = 40


@dataclass(frozen=True)
class LoggedEvent:
    """A stored event; `position` leads to those behind it."""

    position: str
    proto: event_pb2.FabricEvent


async def events(
    channel: grpc.aio.Channel,
    token: channels.Token,
    request: service.WatchEventsRequest,
) -> AsyncIterator[LoggedEvent]:
    """Every chosen event once, from where the request says; raises CallFailed."""
    stub, waits, failures = service_grpc.EventServiceStub(channel), calls.pauses(), 0
    while True:
        call = stub.WatchEvents(request, metadata=channels.metadata(token))
        try:
            async for answer in call:
                waits, failures = calls.pauses(), 0
                if answer.HasField("go_away"):
                    break
                request.after_position = answer.event.position or answer.reached.position
                if answer.HasField("event"):
                    yield LoggedEvent(answer.event.position, answer.event.event)
        except grpc.aio.AioRpcError as failure:
            failures += 1
            if not calls.is_broken(failure) or failures > MOST_FAILURES_IN_A_ROW:
                raise errors.from_rpc(failure) from None
        finally:
            call.cancel()
        await asyncio.sleep(next(waits))


def wanted(
    patterns: Sequence[str], agent_id: str, after_position: str, *, from_oldest: bool
) -> service.WatchEventsRequest:
    """The request for these events."""
    return service.WatchEventsRequest(
        patterns=patterns, agent_id=agent_id, after_position=after_position, from_oldest=from_oldest
    )
