import pytest

from focal.turn.v1 import event_pb2, message_pb2, turn_pb2
from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal_client import Event, Reply, TextDelta, TextReset, dispositions, events


@pytest.mark.parametrize(
    ("action", "name"),
    [
        (event_pb2.SUPERSEDE_ACTION_SUPERSEDE, "superseding"),
        (event_pb2.SUPERSEDE_ACTION_ABSORB, "absorbed"),
        (event_pb2.SUPERSEDE_ACTION_QUEUE, "queued"),
        (event_pb2.SUPERSEDE_ACTION_FORCE_COMPLETE, "queued"),
    ],
)
def test_a_decision_says_what_became_of_its_messages(
    action: event_pb2.SupersedeAction.ValueType, name: str
) -> None:
    decided = event_pb2.SupersedeDecided(action=action, message_ids=["msg_2"])
    event = Event(1, "supersede_decided", event_pb2.FabricEvent(supersede_decided=decided))
    assert dispositions(event) == {"msg_2": name}


def test_a_decision_of_a_newer_release_says_nothing() -> None:
    decided = event_pb2.SupersedeDecided(action=99, message_ids=["msg_2"])  # type: ignore[arg-type]
    event = Event(1, "supersede_decided", event_pb2.FabricEvent(supersede_decided=decided))
    assert dispositions(event) == {}


def test_a_reply_has_the_last_word() -> None:
    turn = turn_pb2.Turn(message_ids=["msg_1", "msg_2"])
    turn.dispositions["msg_2"] = message_pb2.MESSAGE_DISPOSITION_ABSORBED
    assert dispositions(Reply(1, turn)) == {"msg_1": "joined", "msg_2": "absorbed"}


def test_live_text_says_after_which_restart_it_was_written() -> None:
    delta = gateway.TextDelta(turn_id="trn_1", attempt=1, text="hi", restart=2)
    reset = gateway.TextReset(turn_id="trn_1", attempt=1, restart=2)
    assert events.from_frame(gateway.ConverseResponse(text_delta=delta)) == TextDelta("trn_1", 1, "hi", 2)
    assert events.from_frame(gateway.ConverseResponse(text_reset=reset)) == TextReset("trn_1", 1, 2)
