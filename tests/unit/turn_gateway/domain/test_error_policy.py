import pytest

from focal_turn_gateway.domain.error_policy import (
    Answer,
    ErrorPolicy,
    Failure,
    Pauses,
    Policy,
    Replies,
    Target,
)

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


@pytest.mark.parametrize(
    ("policy", "target", "answer"),
    [
        (Policy.FAIL, Target.USER_ERROR, Answer.ERROR),
        (Policy.RETRY, Target.USER_ERROR, Answer.ERROR),
        (Policy.ESCALATE, Target.TENANT_WEBHOOK, Answer.ERROR),
        (Policy.ESCALATE, Target.USER_ERROR, Answer.ESCALATED),
        (Policy.FALLBACK, Target.USER_ERROR, Answer.FALLBACK),
        (Policy.IGNORE, Target.USER_ERROR, Answer.NONE),
    ],
)
def test_what_the_customer_reads_is_the_policys_and_the_targets(
    policy: Policy, target: Target, answer: Answer
) -> None:
    chosen = ErrorPolicy(POLICY.lost, brain=policy, target=target)
    assert chosen.answer(Failure.BRAIN) is answer
    assert chosen.answer(Failure.LOST) is Answer.ERROR


def test_every_answer_but_none_has_a_text_of_its_own() -> None:
    replies = Replies("error", "fallback", "escalated")
    assert [tuple(segment.text for segment in replies.of(answer)) for answer in Answer] == [
        (),
        ("error",),
        ("fallback",),
        ("escalated",),
    ]
