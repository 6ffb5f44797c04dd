import pytest

from focal.turn.v1 import event_service_pb2 as pb
from focal_service_kit import pages
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import event_log as codec
from focal_turn_gateway.domain.event_log import EventChoice, LogPage, Position
from focal_turn_gateway.domain.events import TurnSuperseded
from tests.fakes.event_logs import InMemoryEventLog


def test_a_position_belongs_to_one_tenant() -> None:
    text = codec.position_to_proto(Position(5, 2), "acme")
    assert codec.position_from_proto(text, "acme") == Position(5, 2)
    assert codec.position_from_proto("", "acme") is None
    with pytest.raises(pages.BadToken):
        codec.position_from_proto(text, "umbrella")
    with pytest.raises(pages.BadToken):
        codec.position_from_proto(pages.token("no place", "events of a tenant", "acme"), "acme")


def test_a_request_says_what_to_show() -> None:
    request = pb.WatchEventsRequest(patterns=["tool.*"], agent_id="desk")
    assert codec.choice_from_proto(request) == EventChoice(("tool.*",), "desk")
    assert codec.choice_from_proto(pb.WatchEventsRequest()) == EventChoice()
    with pytest.raises(errors.InvalidField):
        codec.choice_from_proto(pb.WatchEventsRequest(patterns=["bogus"]))


def test_a_page_is_its_events_and_its_end_when_that_is_another_event() -> None:
    logged = InMemoryEventLog().store(TurnSuperseded("trn_2", "why"))
    [frame] = codec.page_to_proto(LogPage((logged,), logged.position, more=False), "acme")
    assert codec.position_from_proto(frame.event.position, "acme") == logged.position
    assert (frame.event.event.agent_id, frame.event.event.channel) == ("desk", "web")
    event, end = codec.page_to_proto(LogPage((logged,), Position(9, 9), more=False), "acme")
    assert event == frame
    assert codec.position_from_proto(end.reached.position, "acme") == Position(9, 9)
