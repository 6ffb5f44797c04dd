import pytest

from focal_toolbox.domain import doubt
from focal_toolbox.domain.doubt import Finding
from focal_toolbox.domain.effect import State
from focal_toolbox.domain.result import Result, Status
from focal_toolbox.domain.tool import Check
from tests.unit.toolbox.test_codec import EFFECT

ANSWER = Result("look_up", Status.SUCCESS, result_json='{"refunded":"59.90","paid":59.9,"refunds":[],"n":0}')


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        ("refunded != '0.00'", Finding.HAPPENED),
        ("paid == `59.9`", Finding.HAPPENED),
        ("refunded == '0.00'", Finding.ABSENT),
        ("refunds", Finding.ABSENT),
        ("length(refunds)", Finding.ABSENT),
        ("n", Finding.ABSENT),
        ("nowhere.at.all", Finding.UNKNOWN),
        ("refunded > `0`", Finding.UNKNOWN),
        ("length(n)", Finding.UNKNOWN),
        ("refunds[", Finding.UNKNOWN),
    ],
)
def test_an_answer_tells_what_the_expression_makes_of_it(happened: str, told: Finding) -> None:
    assert doubt.finding(Check("look_up", happened), ANSWER) is told


@pytest.mark.parametrize("status", [Status.ERROR, Status.REFUSED, Status.IN_DOUBT])
def test_an_answer_that_failed_tells_nothing(status: Status) -> None:
    """Break: look at the result alone."""
    failed = Result("look_up", status, result_json='{"refunded":"59.90"}')
    assert doubt.finding(Check("look_up", "refunded"), failed) is Finding.UNKNOWN


def test_an_answer_that_is_no_json_tells_nothing() -> None:
    broken = Result("look_up", Status.SUCCESS, result_json="<html>")
    assert doubt.finding(Check("look_up", "refunded"), broken) is Finding.UNKNOWN


def test_a_yes_counts_at_once_and_a_no_after_a_while() -> None:
    check = Check("look_up", "refunded")
    yes = doubt.of_check(EFFECT, check, Finding.HAPPENED, ANSWER, 300)
    no = doubt.of_check(EFFECT, check, Finding.ABSENT, ANSWER, 300)
    assert yes is not None
    assert no is not None
    assert (yes.state, yes.result_json, yes.quiet_s) == (State.DONE, ANSWER.result_json, None)
    assert (no.state, no.result_json, no.quiet_s) == (State.FAILED, "", 300)
    assert no.error_reason == "check_found_nothing"
    assert yes.reservation_id == no.reservation_id == EFFECT.reservation_id
    assert doubt.of_check(EFFECT, check, Finding.UNKNOWN, ANSWER, 300) is None
