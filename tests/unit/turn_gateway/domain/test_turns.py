from dataclasses import replace

import pytest

from focal_turn_gateway.domain.messages import Disposition
from focal_turn_gateway.domain.turns import (
    Decision,
    ReplySegment,
    SupersedeAction,
    TurnResult,
    TurnStatus,
    closed,
)
from tests.fakes.turn_gateway import attempt, message, result


@pytest.mark.parametrize(
    ("ids", "right"),
    [
        (("msg_1", "msg_2"), True),
        (("msg_2", "msg_1"), True),
        (("msg_1",), True),
        ((), False),
        (("msg_2",), False),
        (("msg_1", "msg_1"), False),
        (("msg_1", "msg_2", "msg_3"), False),
        (("msg_1", "msg_9"), False),
    ],
)
def test_a_result_answers_the_first_messages_and_at_least_one(ids: tuple[str, ...], right: bool) -> None:
    assert result(*ids).answers_first_of([message(1), message(2)]) is right


def test_a_turn_without_messages_answers_none() -> None:
    assert result().answers_first_of([])


@pytest.mark.parametrize(
    ("number", "superseded_from", "follows"), [(1, "", False), (2, "", True), (1, "trn_0", True)]
)
def test_an_attempt_follows_an_uncommitted_one_after_a_crash_or_a_supersede(
    number: int, superseded_from: str, follows: bool
) -> None:
    assert attempt(number=number, superseded_from=superseded_from).follows_uncommitted is follows


def test_a_closed_turn_joins_the_attempt_with_its_result() -> None:
    ran = attempt(turn_count=4, superseded_from="trn_0")
    turn = closed(ran, result("msg_1"), TurnStatus.COMPLETE)
    assert (turn.turn_index, turn.message_ids, turn.superseded_from) == (5, ("msg_1",), "trn_0")
    assert (turn.status, turn.outcome, turn.aggregation_reason) == (TurnStatus.COMPLETE, "RESOLVED", "OFF")


def test_a_turn_says_what_became_of_each_message_it_answered() -> None:
    kept = [Disposition.SUPERSEDING, Disposition.ABSORBED, Disposition.QUEUED, Disposition.PENDING]
    messages = [replace(message(n), disposition=each) for n, each in enumerate(kept, 1)]
    turn = closed(attempt(), result("msg_1", "msg_2", "msg_3"), TurnStatus.COMPLETE, messages=messages)
    assert turn.dispositions == {"msg_1": "SUPERSEDING", "msg_2": "ABSORBED", "msg_3": "JOINED"}


@pytest.mark.parametrize(
    ("action", "strategy", "disposition", "restarts"),
    [
        (SupersedeAction.SUPERSEDE, "UNSPECIFIED", Disposition.SUPERSEDING, False),
        (SupersedeAction.ABSORB, "RESTART", Disposition.ABSORBED, True),
        (SupersedeAction.ABSORB, "CONTINUE", Disposition.ABSORBED, False),
        (SupersedeAction.QUEUE, "UNSPECIFIED", Disposition.QUEUED, False),
        (SupersedeAction.FORCE_COMPLETE, "UNSPECIFIED", Disposition.QUEUED, False),
    ],
)
def test_a_decision_says_what_it_makes_of_its_messages(
    action: SupersedeAction, strategy: str, disposition: Disposition, restarts: bool
) -> None:
    decided = Decision(action, strategy, "PRE_COMMIT", "why", ("msg_2",))
    assert (decided.disposition, decided.restarts) == (disposition, restarts)


def test_the_reply_as_one_text_has_a_segment_per_line() -> None:
    reply = (ReplySegment(0, "a"), ReplySegment(1, "b"))
    segments = TurnResult(("msg_1",), reply, "RESOLVED", None, 7)
    assert closed(attempt(), segments, TurnStatus.COMPLETE).reply_text == "a\nb"
