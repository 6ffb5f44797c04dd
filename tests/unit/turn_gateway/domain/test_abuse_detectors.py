import pytest

from focal_turn_gateway.domain import abuse_detectors as detectors
from focal_turn_gateway.domain.abuse import Cause, Level, Terms
from focal_turn_gateway.domain.abuse_detectors import Counted, Customer, OftenFigures, Pace, Texts

ADA = Customer("acme", "cus_1")


@pytest.mark.parametrize(("times", "level"), [(0, None), (10, None), (11, Level.HIGH), (500, Level.HIGH)])
def test_more_than_ten_rate_hits_are_high(times: int, level: Level | None) -> None:
    found = detectors.rate_hits(Counted(ADA, times))
    assert (found and found.level) is level
    assert found is None or (found.cause, dict(found.evidence)) == (Cause.RATE_HITS, {"rate_hits": times})


@pytest.mark.parametrize(("times", "level"), [(5, None), (6, Level.MEDIUM)])
def test_more_than_five_safety_refusals_are_medium(times: int, level: Level | None) -> None:
    found = detectors.safety_refusals(Counted(ADA, times))
    assert (found and found.level) is level
    assert found is None or found.cause is Cause.SAFETY_REFUSALS


@pytest.mark.parametrize(
    ("messages", "different", "level"),
    [(4, 1, None), (5, 1, Level.LOW), (5, 2, None), (10, 3, None), (10, 2, Level.LOW), (100, 29, Level.LOW)],
)
def test_five_messages_with_less_than_thirty_percent_different_are_low(
    messages: int, different: int, level: Level | None
) -> None:
    found = detectors.spam(Texts(ADA, messages, different))
    assert (found and found.level) is level
    assert found is None or dict(found.evidence) == {"messages": messages, "different": different}


@pytest.mark.parametrize(
    ("turns", "mean_s", "variance_s2", "level"),
    [
        (9, 1.0, 0.0, None),
        (10, 1.0, 0.0, Level.MEDIUM),
        (10, 4.99, 0.99, Level.MEDIUM),
        (10, 5.0, 0.0, None),
        (10, 1.0, 1.0, None),
    ],
)
def test_ten_turns_that_are_fast_and_even_are_medium(
    turns: int, mean_s: float, variance_s2: float, level: Level | None
) -> None:
    found = detectors.bot(Pace(ADA, turns, mean_s, variance_s2))
    assert (found and found.level) is level
    assert found is None or found.cause is Cause.BOT


def test_figures_are_those_of_the_deployment_and_a_finding_holds_as_long_as_its_level() -> None:
    assert detectors.rate_hits(Counted(ADA, 2), OftenFigures(1, Level.CRITICAL)) is not None
    suspect = detectors.rate_hits(Counted(ADA, 2), OftenFigures(1, Level.LOW))
    assert suspect is not None
    finding = suspect.finding(Terms(low_h=7))
    assert (finding.customer_id, finding.hours, finding.noted_by) == ("cus_1", 7, "")
