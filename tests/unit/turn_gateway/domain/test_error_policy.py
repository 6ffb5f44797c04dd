import pytest

from focal_turn_gateway.domain.error_policy import ErrorPolicy, Failure, Pauses, Policy

POLICY = ErrorPolicy(Pauses(4, 0.1, 5.0))


@pytest.mark.parametrize(("attempt", "pause_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, None)])
def test_a_provider_is_asked_three_times_more_at_growing_pauses(attempt: int, pause_s: float | None) -> None:
    assert POLICY.pause_s(Failure.PROVIDER, attempt) == pause_s


def test_pauses_double_up_to_their_limit() -> None:
    assert [Pauses(9, 1.0, 30.0).after(attempt) for attempt in (1, 5, 6, 9)] == [1.0, 16.0, 30.0, 30.0]


def test_a_brain_error_is_final_and_a_lost_attempt_is_made_again_soon() -> None:
    assert POLICY.pause_s(Failure.BRAIN, 1) is None
    assert POLICY.pause_s(Failure.LOST, 1) == 0.1
    assert POLICY.pause_s(Failure.LOST, 5) is None


def test_a_policy_other_than_retry_makes_no_further_attempt() -> None:
    assert ErrorPolicy(POLICY.lost, provider=Policy.ESCALATE).pause_s(Failure.PROVIDER, 1) is None
    assert ErrorPolicy(POLICY.lost, brain=Policy.RETRY).pause_s(Failure.BRAIN, 1) == 1.0
