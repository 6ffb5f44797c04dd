"""A tenant's log of events to protobuf, and what readers ask of it."""

from __future__ import annotations

from collections.abc import Iterator

from focal.turn.v1 import event_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2
from focal_kernel import ids
from focal_service_kit import pages
from focal_turn_gateway.codecs import events
from focal_turn_gateway.domain import event_names
from focal_turn_gateway.domain.event_log import EventChoice, LoggedEvent, LogPage, Position

_LIST = "events of a tenant"


def choice_from_proto(request: pb.WatchEventsRequest) -> EventChoice:
    """What to show. Raises InvalidArgument (INVALID_ID, INVALID_FIELD)."""
    return EventChoice(
        event_names.checked_patterns(request.patterns),
        request.agent_id and ids.check_id(request.agent_id, "agent_id"),
    )


def position_from_proto(text: str, tenant_id: str) -> Position | None:
    """A place in the tenant's log, None when empty. Raises BadToken for one that was not issued for it."""
    found = pages.position(text, _LIST, tenant_id)
    if not found:
        return None
    position = Position.parsed(found)
    if position is None:
        raise pages.BadToken
    return position


def position_to_proto(position: Position, tenant_id: str) -> str:
    """A place as readers keep it."""
    return pages.token(str(position), _LIST, tenant_id)


def logged_to_proto(logged: LoggedEvent, tenant_id: str) -> pb.LoggedEvent:
    """An event with its place."""
    place = events.Place(tenant_id, logged.agent_id, logged.channel)
    return pb.LoggedEvent(
        event=events.event_to_proto(logged.event, place),
        position=position_to_proto(logged.position, tenant_id),
    )


def page_to_proto(page: LogPage, tenant_id: str) -> Iterator[pb.WatchEventsResponse]:
    """The events of a page, and its end when that is not the last of them."""
    for logged in page.events:
        yield pb.WatchEventsResponse(event=logged_to_proto(logged, tenant_id))
    if not page.events or page.events[-1].position != page.reached:
        reached = pb.ReachedPosition(position=position_to_proto(page.reached, tenant_id))
        yield pb.WatchEventsResponse(reached=reached)


def go_away(session_frame: turn_gateway_service_pb2.GoAway, position: str) -> pb.EventsGoAway:
    """The frame that asks the reader to come again, from `position` on."""
    return pb.EventsGoAway(time_left=session_frame.time_left, resume_position=position)
