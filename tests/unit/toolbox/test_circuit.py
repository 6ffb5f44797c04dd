import pytest

from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.circuit import Circuit, Position, Rules

RULES = Rules(failures=3, share=0.5, window_s=10, open_s=5, trials=1)


def _answers(circuit: Circuit, *outcomes: bool, now: float = 0.0) -> None:
    for failed in outcomes:
        circuit.answered(now, failed=failed, trial=False)


def _open() -> Circuit:
    circuit = Circuit(RULES)
    _answers(circuit, True, True, True)
    assert circuit.position is Position.OPEN
    return circuit


def test_it_opens_at_enough_failures() -> None:
    circuit = Circuit(RULES)
    _answers(circuit, True, True)
    assert circuit.closed_for(0) == 0
    _answers(circuit, True)
    assert (circuit.position, circuit.closed_for(1)) == (Position.OPEN, 4)


def test_a_few_failures_among_many_answers_do_not_open_it() -> None:
    circuit = Circuit(RULES)
    _answers(circuit, *[False] * 10, *[True] * 9)
    assert circuit.closed_for(0) == 0
    _answers(circuit, True)
    assert circuit.closed_for(0) > 0


def test_failures_of_long_ago_do_not_count() -> None:
    circuit = Circuit(RULES)
    _answers(circuit, True, True, now=0)
    _answers(circuit, True, True, now=10)
    assert circuit.position is Position.CLOSED


def test_after_a_while_one_call_tries() -> None:
    circuit = _open()
    assert circuit.closed_for(5) == 0
    assert circuit.begin(5)
    assert circuit.position is Position.HALF_OPEN
    assert circuit.closed_for(5) > 0


def test_a_trial_that_succeeds_closes_it_with_a_clean_sheet() -> None:
    circuit = _open()
    circuit.answered(6, failed=False, trial=circuit.begin(6))
    assert circuit.position is Position.CLOSED
    _answers(circuit, True, True, now=6)
    assert circuit.position is Position.CLOSED


def test_a_trial_that_fails_opens_it_for_as_long_again() -> None:
    circuit = _open()
    circuit.answered(6, failed=True, trial=circuit.begin(6))
    assert (circuit.position, circuit.closed_for(6)) == (Position.OPEN, 5)


def test_a_trial_without_a_word_makes_room_for_the_next() -> None:
    circuit = _open()
    assert circuit.begin(6)
    circuit.abandoned()
    assert circuit.closed_for(6) == 0
    assert circuit.begin(6)


@pytest.mark.parametrize("failed", [True, False])
def test_answers_to_requests_that_left_before_it_opened_change_nothing(failed: bool) -> None:
    circuit = _open()
    _answers(circuit, failed, now=1)
    assert (circuit.position, circuit.closed_for(1)) == (Position.OPEN, 4)
    circuit.begin(5)
    _answers(circuit, failed, now=5)
    assert circuit.position is Position.HALF_OPEN


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (Answer(Verdict.UNKNOWN, reason="timeout", transient=True), True),
        (Answer(Verdict.UNCHANGED, reason="unreachable", transient=True), True),
        (Answer(Verdict.UNKNOWN, reason="http_503", transient=True), True),
        (Answer(Verdict.UNCHANGED, reason="http_429", transient=True), False),
        (Answer(Verdict.UNCHANGED, reason="http_404"), False),
        (Answer(Verdict.UNKNOWN, reason="invalid_response"), False),
        (Answer(Verdict.DONE), False),
    ],
)
def test_only_what_speaks_against_the_host_counts(answer: Answer, failed: bool) -> None:
    assert answer.host_failed is failed
