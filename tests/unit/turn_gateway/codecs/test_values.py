from dataclasses import replace

import pytest

from focal.turn.v1 import event_pb2, message_pb2, session_pb2, turn_pb2
from focal_turn_gateway.codecs import values
from focal_turn_gateway.domain.accumulation import AggregationReason
from focal_turn_gateway.domain.messages import Disposition
from focal_turn_gateway.domain.turns import SupersedeAction, TurnStatus
from tests.fakes.turn_gateway import NOW, message


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (TurnStatus, turn_pb2.TurnStatus),
        (AggregationReason, turn_pb2.AggregationReason),
        (SupersedeAction, event_pb2.SupersedeAction),
        (Disposition, message_pb2.MessageDisposition),
    ],
)
def test_every_value_of_ours_is_one_of_the_contract_and_comes_back(ours: type, theirs: object) -> None:
    for member in ours:  # type: ignore[attr-defined]
        assert values.from_enum(theirs, values.to_enum(theirs, member.value)) == member.value


def test_a_number_of_a_newer_release_reads_unspecified() -> None:
    assert values.from_enum(turn_pb2.TurnOutcome, 999) == "UNSPECIFIED"


def test_a_name_that_the_contract_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="NONSENSE"):
        values.to_enum(turn_pb2.TurnStatus, "NONSENSE")


def test_a_message_travels_whole() -> None:
    stored = replace(
        message(3, "hi \u2600"),
        request_id="r1",
        turn_id="trn_1",
        disposition=Disposition.ABSORBED,
        metadata={"a": "b"},
        provider_message_id="wamid.1",
    )
    encoded = values.message_to_proto(stored)
    assert (encoded.message_id, encoded.session_id, encoded.sequence) == ("msg_3", "ses_1", 3)
    assert (encoded.text, encoded.request_id, encoded.turn_id) == ("hi \u2600", "r1", "trn_1")
    assert encoded.disposition == message_pb2.MESSAGE_DISPOSITION_ABSORBED
    assert dict(encoded.metadata) == {"a": "b"}
    assert encoded.provider_message_id == "wamid.1"
    assert encoded.received_at.ToDatetime(NOW.tzinfo) == NOW


def test_session_state_is_empty_before_the_first_turn_and_forgives_newer_fields() -> None:
    assert values.state_to_proto("") == session_pb2.SessionState()
    assert values.state_to_proto('{"turnIndex": 3, "newer": {"x": 1}}').turn_index == 3
