import math
from dataclasses import replace

import pytest

from focal_kernel.clock import ManualClock, SystemClock
from focal_toolbox.core.delivering import Courier, Plan, Retries
from focal_toolbox.domain.answer import Answer, Delivery, Verdict
from focal_toolbox.domain.redaction import Redaction
from focal_toolbox.domain.result import Progress
from tests.fakes.toolbox import limits
from tests.fakes.toolbox.provider import DONE, LOST, REFUSED, ScriptedProvider

QUICK = Retries(requests=3, first_pause_s=0.001, longest_pause_s=0.002)
PLAN = Plan("key", repeatable=True, request_s=1, retry_within_s=math.inf)
ONCE = replace(PLAN, repeatable=False)
UNREACHABLE = Answer(Verdict.UNCHANGED, reason="unreachable", transient=True)


def _courier() -> Courier:
    return Courier(QUICK, SystemClock(), limits.admission())


async def _deliver(
    provider: ScriptedProvider, plan: Plan = PLAN, told: list[Progress] | None = None
) -> Delivery:
    told = [] if told is None else told
    return await _courier().deliver(provider, plan, told.append, await limits.permit())


async def test_a_clear_answer_ends_the_delivery() -> None:
    delivery = await _deliver(ScriptedProvider([DONE]))
    assert (delivery.answer, delivery.requests) == (DONE, 1)


@pytest.mark.parametrize("answer", [LOST, UNREACHABLE])
async def test_a_call_that_must_not_repeat_is_sent_once(answer: Answer) -> None:
    provider = ScriptedProvider([answer, DONE])
    assert (await _deliver(provider, ONCE)).answer == answer
    assert len(provider.keys) == 1


async def test_a_repeatable_call_is_sent_until_it_succeeds_with_one_key() -> None:
    provider = ScriptedProvider([LOST, UNREACHABLE, DONE])
    told: list[Progress] = []
    delivery = await _deliver(provider, PLAN, told)
    assert (delivery.answer, delivery.requests) == (DONE, 3)
    assert provider.keys == ["key"] * 3
    assert len(told) == 2


async def test_a_refusal_is_not_repeated() -> None:
    assert (await _deliver(ScriptedProvider([REFUSED, DONE]))).answer == REFUSED


async def test_requests_are_bounded() -> None:
    assert (await _deliver(ScriptedProvider([LOST]))).requests == 3


async def test_no_further_request_begins_after_the_callers_deadline() -> None:
    assert (await _deliver(ScriptedProvider([LOST]), replace(PLAN, retry_within_s=0))).requests == 1


@pytest.mark.parametrize("last", [REFUSED, UNREACHABLE])
async def test_an_unanswered_request_keeps_its_doubt_whatever_comes_later(last: Answer) -> None:
    delivery = await _deliver(ScriptedProvider([LOST, last]))
    assert (delivery.answer.verdict, delivery.answer.reason) == (Verdict.UNKNOWN, last.reason)


async def test_unsent_requests_leave_no_doubt() -> None:
    assert (await _deliver(ScriptedProvider([UNREACHABLE, REFUSED]))).answer.verdict is Verdict.UNCHANGED


async def test_an_adapter_that_breaks_leaves_the_world_unknown() -> None:
    delivery = await _deliver(ScriptedProvider([RuntimeError("secret")]), ONCE)
    assert (delivery.answer.verdict, delivery.answer.reason) == (Verdict.UNKNOWN, "provider_failure")
    assert "secret" not in delivery.answer.message


def test_pauses_double_up_to_the_longest() -> None:
    retries = Retries(requests=9, first_pause_s=1, longest_pause_s=5)
    for sent, pause in ((1, 1), (2, 2), (3, 4), (4, 5), (8, 5)):
        assert 0.75 * pause <= retries.pause_s(sent) <= 1.25 * pause


async def test_time_spent_is_measured() -> None:
    clock = ManualClock()

    class Slow(ScriptedProvider):
        async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
            clock.advance(2)
            return DONE

    courier = Courier(QUICK, clock, limits.admission())
    permit = await limits.permit()
    assert (await courier.deliver(Slow(), PLAN, lambda _: None, permit)).seconds == 2


def test_a_provider_that_names_a_wait_gets_it_unless_it_is_too_long() -> None:
    retries = Retries(first_pause_s=0.1, longest_wait_s=10)
    assert 3 < retries.pause_s(1, 3) < 3.2
    assert retries.pause_s(1, 10.1) == math.inf


async def test_a_provider_that_wants_too_long_a_wait_is_not_asked_again() -> None:
    busy = replace(LOST, retry_after_s=3600)
    assert (await _deliver(ScriptedProvider([busy, DONE]))).requests == 1


async def test_no_answer_leaves_with_a_secret() -> None:
    """Break: leave the secrecy out of the Courier."""
    secret = Redaction(["s3cret-token"])
    echo = Answer(Verdict.DONE, result_json='{"you_sent":"s3cret-token"}')
    courier = Courier(QUICK, SystemClock(), limits.admission(), secret)
    permit = await limits.permit()
    delivery = await courier.deliver(ScriptedProvider([echo]), ONCE, lambda _: None, permit)
    assert delivery.answer.result_json == '{"you_sent":"[secret]"}'
