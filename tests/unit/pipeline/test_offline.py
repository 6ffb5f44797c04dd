import pytest

from focal_pipeline.core import offline
from focal_pipeline.core.response_plan import ResponsePlan, ResponseType
from focal_pipeline.ports import Recalled

ANSWER, ASK = ResponseType.ANSWER, ResponseType.ASK


def test_a_plan_with_nothing_to_say_gives_no_reply() -> None:
    assert offline.compose(ResponsePlan(ANSWER, guidance=("Be polite.",)), "hm", []) is None


def test_texts_come_first_and_the_question_last() -> None:
    plan = ResponsePlan(ASK, suggestions=("One.", "Two."), asks=("Which?",))
    assert offline.compose(plan, "", []) == "One. Two. Which?"


def test_the_scenarios_question_is_the_only_one() -> None:
    plan = ResponsePlan(ASK, suggestions=("Or which colour?", "Red is nice."), asks=("Which size?",))
    assert offline.compose(plan, "", []) == "Red is nice. Which size?"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("Tell the customer that returns are free", "Returns are free."),
        ("Say: we are closed on Sundays!", "We are closed on Sundays!"),
        ("explain that it takes three days.", "It takes three days."),
        ("Be polite.", None),
        ("Ask the carrier for the parcel.", None),
    ],
)
def test_only_what_is_meant_to_be_said_is_said(statement: str, said: str | None) -> None:
    assert offline.compose(ResponsePlan(ANSWER, statements=(statement,)), "", []) == said


RECALLED = [
    Recalled("My dog is called Bello", "customer"),
    Recalled("Nice name!", "agent"),
    Recalled("do you remember me?", "customer"),
]


def test_the_customers_own_words_are_repeated_when_asked_for() -> None:
    reply = offline.compose(ResponsePlan(ANSWER), "what did I tell you last time?", RECALLED)
    assert reply == "Earlier you told me: “My dog is called Bello”."


def test_nobody_is_reminded_unasked() -> None:
    assert offline.compose(ResponsePlan(ANSWER), "hello", RECALLED) is None


def test_a_failure_without_a_text_is_told() -> None:
    assert offline.compose(ResponsePlan(ANSWER, failed=True), "", []) == offline.NOT_KNOWN
    asks = ResponsePlan(ASK, failed=True, not_found=True, asks=("Which order?",))
    assert offline.compose(asks, "", []) == f"{offline.NOT_FOUND} Which order?"


def test_equal_texts_are_said_once() -> None:
    plan = ResponsePlan(ANSWER, suggestions=("One.",), statements=("Say: One.",))
    assert offline.compose(plan, "", []) == "One."
