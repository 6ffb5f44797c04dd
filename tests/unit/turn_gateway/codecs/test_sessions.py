"""Sessions and edits between the contract and the domain."""

from dataclasses import replace
from typing import Any

import pytest

from focal.turn.v1 import session_pb2
from focal.turn.v1 import session_service_pb2 as pb
from focal_kernel import errors
from focal_turn_gateway.codecs import sessions
from focal_turn_gateway.domain.session_edits import EditLimits, Move
from focal_turn_gateway.domain.sessions import Session
from tests.fakes.turn_gateway import NOW

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
