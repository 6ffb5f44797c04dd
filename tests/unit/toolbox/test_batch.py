import itertools
from collections.abc import Sequence

import pytest

from focal_toolbox.domain import batch, result
from focal_toolbox.domain.batch import Step
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Result, Status
from tests.fakes.toolbox_desk import ORDER

READ, WRITE = Policy.PURE, Policy.IRREVERSIBLE


def _waits(policies: Sequence[Policy], *steps: Step) -> list[set[int]]:
    chosen = steps or [Step(ORDER)] * len(policies)
    return [set(each) for each in batch.waits(chosen, policies)]


def test_reads_wait_for_nothing() -> None:
    assert _waits([READ] * 3) == [set(), set(), set()]


@pytest.mark.parametrize("policy", [each for each in Policy if each.ledgered])
def test_what_changes_something_keeps_its_place(policy: Policy) -> None:
    assert _waits([READ, policy, READ, policy]) == [set(), {0}, {1}, {0, 1, 2}]


def test_an_independent_call_neither_waits_nor_is_waited_for() -> None:
    steps = [Step(ORDER), Step(ORDER, independent=True), Step(ORDER)]
    assert _waits([WRITE] * 3, *steps) == [set(), set(), {0}]


def test_named_calls_are_waited_for_whatever_they_are() -> None:
    steps = [Step(ORDER), Step(ORDER, after=frozenset({0}), independent=True)]
    assert _waits([READ, READ], *steps) == [set(), {0}]


def _refusal(step: Step, stopped_by: int | None = None, **ended: Status) -> str:
    results = {int(name[1:]): Result("t", status) for name, status in ended.items()}
    found = batch.refusal(step, results, stopped_by)
    return found.reason if found else ""


@pytest.mark.parametrize("status", Status)
def test_a_call_begins_after_successes_only(status: Status) -> None:
    succeeded = status in {Status.SUCCESS, Status.CACHED}
    expected = "" if succeeded else "PREREQUISITE_FAILED"
    assert _refusal(Step(ORDER, after=frozenset({0})), c0=status) == expected
    assert _refusal(Step(ORDER), c0=status) == ""


def test_a_stopped_batch_begins_nothing() -> None:
    assert _refusal(Step(ORDER), stopped_by=0) == "BATCH_STOPPED"


def test_no_status_is_both_success_and_failure() -> None:
    assert not batch.SUCCEEDED & batch.FAILED
    assert result.Status.SUCCESS in batch.SUCCEEDED


def test_waiting_never_forms_a_circle() -> None:
    """Everything waited for stands earlier."""
    steps = [Step(ORDER, after=frozenset(range(number)), independent=bool(number % 2)) for number in range(5)]
    for policies in itertools.product((READ, WRITE), repeat=5):
        for number, earlier in enumerate(_waits(policies, *steps)):
            assert all(each < number for each in earlier)
