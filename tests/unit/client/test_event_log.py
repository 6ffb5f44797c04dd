from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest

from focal.turn.v1 import event_pb2
from focal.turn.v1 import event_service_pb2 as pb
from focal.turn.v1 import event_service_pb2_grpc as api
from focal_client import CallFailed, FocalClient
from tests.fakes.servicers import serving


class FakeLog(api.EventServiceServicer):
    """Plays one script after the other; a status ends its stream."""

    def __init__(self, *scripts: Sequence[pb.WatchEventsResponse | grpc.StatusCode]) -> None:
        self.scripts = list(scripts)
        self.seen: list[pb.WatchEventsRequest] = []

    async def WatchEvents(  # noqa: N802
        self, request: pb.WatchEventsRequest, context: Any
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        self.seen.append(request)
        for frame in self.scripts.pop(0):
            if isinstance(frame, grpc.StatusCode):
                await context.abort(frame, "scripted")
            else:
                yield frame


def event(position: str) -> pb.WatchEventsResponse:
    stored = event_pb2.FabricEvent(name=f"tool.{position}", session_id="ses_1", offset=1)
    return pb.WatchEventsResponse(event=pb.LoggedEvent(event=stored, position=position))


def reached(position: str) -> pb.WatchEventsResponse:
    return pb.WatchEventsResponse(reached=pb.ReachedPosition(position=position))


async def test_events_go_on_behind_the_last_place_over_as_many_streams_as_it_takes() -> None:
    go_away = pb.WatchEventsResponse(go_away=pb.EventsGoAway(resume_position="p3"))
    fake = FakeLog(
        [reached("p0"), event("p1"), grpc.StatusCode.UNAVAILABLE],
        [reached("p1"), event("p2"), reached("p3"), go_away],
        [event("p4"), grpc.StatusCode.PERMISSION_DENIED],
    )
    async with (
        serving(api.add_EventServiceServicer_to_server, fake) as target,
        FocalClient.connect(target, token="t") as client,
    ):
        found = aiter(client.events(["tool.*"], agent_id="desk"))
        positions = [(await anext(found)).position for _ in range(3)]
        with pytest.raises(CallFailed):
            await anext(found)
    assert positions == ["p1", "p2", "p4"]
    assert [request.after_position for request in fake.seen] == ["", "p1", "p3"]
    assert {(tuple(request.patterns), request.agent_id) for request in fake.seen} == {(("tool.*",), "desk")}
