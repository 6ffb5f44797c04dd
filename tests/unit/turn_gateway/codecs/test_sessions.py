"""Sessions and edits between the contract and the domain."""

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import timestamp_pb2

from focal.turn.v1 import session_pb2
from focal.turn.v1 import session_service_pb2 as pb
from focal_kernel import errors
from focal_service_kit import pages
from focal_turn_gateway.codecs import sessions
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.session_edits import EditLimits, Move
from focal_turn_gateway.domain.sessions import Behind, Listing, Session, SessionFilter, SessionOrder
from tests.fakes.turn_gateway import NOW

REGISTRY = channel_catalogue.registry()
LIMITS = EditLimits(changes=5, value_bytes=100, variables=10, moves=10)
SESSION = Session(
    "ses_1", "acme", "desk", "cus_1", "web", False, 7, 3, 5, '{"turnIndex":"3"}', NOW, NOW, 42, 1, version=9
)


def test_a_session_says_how_often_its_state_changed() -> None:
    encoded = sessions.session_to_proto(SESSION, with_state=True)
    assert (encoded.etag, encoded.last_offset, encoded.state.turn_index) == ("9", 42, 3)
    assert encoded.status == session_pb2.SESSION_STATUS_ACTIVE
    listed = sessions.session_to_proto(replace(SESSION, ended=True), with_state=False)
    assert (listed.status, listed.HasField("state")) == (session_pb2.SESSION_STATUS_ENDED, False)


def update(**fields: Any) -> pb.UpdateSessionRequest:
    return pb.UpdateSessionRequest(**{"session_id": "ses_1", "request_id": "r1", **fields})


def test_a_scenario_is_left_before_another_is_forced() -> None:
    request = update(scenario_id="b", step_id="one", leave_scenario_id="a", etag="9")
    edit, version, _ = sessions.edit_from_proto(request, LIMITS)
    assert (edit.moves, version) == ((Move("a"), Move("b", "one")), 9)
    assert sessions.edit_from_proto(update(leave_scenario_id="a"), LIMITS)[1] is None


def test_everything_that_an_update_says_makes_it_another_one() -> None:
    said = [
        update(variables_json={"a": "1"}),
        update(variables_json={"a": "null"}),
        update(variables_json={"a": "1"}, etag="1"),
        update(variables_json={"a": "1"}, reason="because"),
        update(variables_json={"a": "1"}, leave_scenario_id="a"),
        update(variables_json={"a": "1"}, session_id="ses_2"),
    ]
    hashes = {sessions.edit_from_proto(request, LIMITS)[2].content_hash for request in said}
    assert len(hashes) == len(said)
    spelt = sessions.edit_from_proto(update(variables_json={"a": " 1.0 "}), LIMITS)[2]
    assert spelt.content_hash in hashes


@pytest.mark.parametrize("etag", ["x", "-1", "1" * 19, "٣"])
def test_an_etag_of_somebody_elses_is_refused(etag: str) -> None:
    with pytest.raises(errors.InvalidArgument):
        sessions.edit_from_proto(update(leave_scenario_id="a", etag=etag), LIMITS)


def test_a_listing_follows_channel_aliases_and_times() -> None:
    asked = pb.ListSessionsRequest(
        agent_id="desk", channel="webchat", customer_id="cus_1", order=pb.SESSION_ORDER_UPDATED
    )
    asked.updated_before.FromDatetime(NOW)
    wanted = SessionFilter("desk", "web", "cus_1", updated_before=NOW)
    assert sessions.listing_from_proto(asked, REGISTRY) == Listing(wanted, SessionOrder.UPDATED)
    assert sessions.listing_from_proto(pb.ListSessionsRequest(), REGISTRY) == Listing()


@pytest.mark.parametrize(
    "asked",
    [
        pb.ListSessionsRequest(agent_id="a\x00"),
        pb.ListSessionsRequest(customer_id="a:b"),
        pb.ListSessionsRequest(channel="pigeon"),
        pb.ListSessionsRequest(updated_after=timestamp_pb2.Timestamp(seconds=10**12)),
        pb.ListSessionsRequest(updated_before=timestamp_pb2.Timestamp(nanos=-1)),
    ],
)
def test_a_listing_that_no_session_could_match_is_refused(asked: pb.ListSessionsRequest) -> None:
    with pytest.raises(errors.InvalidArgument):
        sessions.listing_from_proto(asked, REGISTRY)


def test_a_page_token_leads_behind_a_session_of_its_listing() -> None:
    token = sessions.page_token(SESSION, "sessions x")
    assert sessions.page_start(token, "sessions x") == Behind("ses_1", NOW)
    assert sessions.page_start("", "sessions x") is None
    for bad in (
        token,
        pages.token("ses_1", "y"),
        pages.token("1 a b", "y"),
        pages.token("9" * 18 + " s", "y"),
    ):
        with pytest.raises(errors.InvalidArgument):
            sessions.page_start(bad, "y")
