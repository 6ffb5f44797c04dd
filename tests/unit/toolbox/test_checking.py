"""Questions about effects in doubt, on in-memory ports."""

from __future__ import annotations

from dataclasses import replace

import pytest

from focal_kernel import errors as kernel_errors
from focal_kernel.clock import ManualClock
from focal_toolbox import errors
from focal_toolbox.core import berths
from focal_toolbox.core.admission import Admission
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.circuit import Rules
from focal_toolbox.domain.doubt import Finding
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.order import Order
from tests.fakes.toolbox import limits
from tests.fakes.toolbox.provider import DONE, LOST, REFUSED
from tests.fakes.toolbox_desk import ATTEMPT, ORDER, Desk

NO = Answer(Verdict.DONE, result_json='{"ok":false}')


async def in_doubt(order: Order = ORDER, admission: Admission | None = None) -> tuple[Desk, Effect]:
    desk = Desk(admission=admission or limits.admission())
    desk.provider.answers = [LOST]
    await desk.execute(order)
    (effect,) = desk.ledger.rows.effects.values()
    assert effect.state is State.IN_DOUBT
    desk.provider.keys.clear()
    desk.provider.arguments.clear()
    return desk, effect


def go_away_after_the_look(desk: Desk) -> None:
    """The ledger fails once, after it has told what is due."""
    due = desk.doubts.due

    async def away_after() -> list[Effect]:
        found = list(await due())
        desk.ledger.failing = 1
        return found

    desk.doubts.due = away_after  # type: ignore[method-assign]


async def test_a_yes_makes_it_done_with_the_answer_as_its_result() -> None:
    desk, _ = await in_doubt()
    desk.provider.answers = [DONE]
    assert await desk.checks().once() == 1
    (effect,) = desk.ledger.rows.effects.values()
    assert (effect.state, effect.result_json) == (State.DONE, '{"ok":true}')
    assert effect.resolution is not None
    assert (effect.resolution.check_tool, effect.resolution.resolved_by) == ("look_up", "")
    assert desk.provider.arguments == [{"order": "1"}]
    assert desk.provider.keys == [""]
    assert desk.meter.findings == [Finding.HAPPENED]


async def test_a_no_makes_it_failed_once_no_request_can_be_on_its_way() -> None:
    """Break: leave `quiet_s` out of `of_check`."""
    desk, _ = await in_doubt()
    desk.provider.answers = [NO]
    await desk.checks(after_s=300).once()
    assert desk.state() is State.IN_DOUBT
    await desk.checks(after_s=0).once()
    assert desk.state() is State.FAILED


async def test_a_no_is_not_believed_while_the_owner_is_frozen() -> None:
    desk, effect = await in_doubt()
    desk.provider.answers = [NO]
    desk.doubts.frozen.add(desk.ledger.instance_id)
    checked = await desk.checks().now(effect.tenant_id, effect.effect_id)
    assert (checked.finding, checked.effect.state) == (Finding.ABSENT, State.IN_DOUBT)
    assert "on its way" in checked.message


async def test_a_no_about_what_a_provider_does_later_is_never_believed() -> None:
    """Break: leave `asynchronous` out of `Checks._ask`."""
    desk, effect = await in_doubt()
    desk.catalogue.change("refund", asynchronous=True)
    desk.provider.answers = [NO]
    checked = await desk.checks().now(effect.tenant_id, effect.effect_id)
    assert (checked.finding, checked.effect.state) == (Finding.ABSENT, State.IN_DOUBT)
    assert "later" in checked.message
    desk.provider.answers = [DONE]
    await desk.checks().once()
    assert desk.state() is State.DONE


@pytest.mark.parametrize("answer", [LOST, REFUSED, Answer(Verdict.DONE, result_json="{}"), OSError("gone")])
async def test_an_answer_that_tells_nothing_leaves_the_doubt(answer: Answer | Exception) -> None:
    desk, _ = await in_doubt()
    desk.provider.answers = [answer]
    checks = desk.checks()
    assert [await checks.once() for _ in range(4)] == [1, 1, 1, 0]
    assert desk.state() is State.IN_DOUBT
    assert desk.meter.findings == 3 * [Finding.UNKNOWN]


async def test_a_tool_without_a_check_is_looked_at_once() -> None:
    desk, effect = await in_doubt(replace(ORDER, tool_name="ship"))
    checks = desk.checks()
    assert [await checks.once() for _ in range(2)] == [1, 0]
    assert desk.provider.keys == []
    with pytest.raises(errors.NotCheckable):
        await checks.now(effect.tenant_id, effect.effect_id)


async def test_an_effect_of_an_agent_that_is_gone_is_not_asked_about() -> None:
    desk, effect = await in_doubt()
    desk.ledger.put(replace(effect, agent_id="nobody"))
    assert [await desk.checks().once() for _ in range(2)] == [1, 0]
    with pytest.raises(kernel_errors.NotFound):
        await desk.checks().now(effect.tenant_id, effect.effect_id)


async def test_a_question_that_cannot_be_put_says_so() -> None:
    desk, effect = await in_doubt()
    desk.provider.refusal = errors.Refusal("PROVIDER_NOT_CONFIGURED", "no URL")
    checked = await desk.checks().now(effect.tenant_id, effect.effect_id)
    assert (checked.finding, checked.reason) == (Finding.UNKNOWN, "PROVIDER_NOT_CONFIGURED")
    await desk.checks().once()
    assert desk.state() is State.IN_DOUBT


async def test_a_ledger_that_goes_away_during_a_question_stops_no_background() -> None:
    desk, _ = await in_doubt()
    desk.provider.answers = [REFUSED]
    go_away_after_the_look(desk)
    assert await desk.checks().once() == 1
    assert desk.ledger.failing == 0


async def test_nobody_asks_about_an_effect_that_is_being_asked_about() -> None:
    desk, effect = await in_doubt()
    assert await desk.doubts.due()
    with pytest.raises(errors.CheckRunning):
        await desk.checks().now(effect.tenant_id, effect.effect_id)


async def test_only_what_is_in_doubt_can_be_asked_about() -> None:
    desk = Desk()
    await desk.execute()
    (effect,) = desk.ledger.rows.effects.values()
    with pytest.raises(errors.NotResolvable):
        await desk.checks().now("acme", effect.effect_id)
    with pytest.raises(errors.EffectNotFound):
        await desk.checks().now("globex", effect.effect_id)


async def test_the_question_is_the_one_of_the_effects_own_version() -> None:
    """Break: ask by the current version in `Preparation.check`."""
    desk, effect = await in_doubt()
    desk.ledger.put(replace(effect, config_version=7))
    desk.provider.answers = [DONE]
    await desk.checks().once()
    assert desk.catalogue.asked[-1] == ("acme", ATTEMPT.agent_id, 7)


async def test_a_question_that_an_open_circuit_holds_back_costs_no_try() -> None:
    """Break: refuse inside `Checks._answer`, or leave `hold_back` out."""
    clock = ManualClock()
    rules = Rules(failures=1, open_s=10)
    desk, effect = await in_doubt(admission=limits.admission(clock, rules=rules))
    desk.provider.answers = [DONE]
    checks = desk.checks()
    clock.advance(4)
    assert [await checks.once() for _ in range(2 * desk.doubts.tries)] == [1] * 2 * desk.doubts.tries
    assert desk.doubts.held_back == [6] * 2 * desk.doubts.tries
    checked = await checks.now(effect.tenant_id, effect.effect_id)
    assert (checked.finding, checked.reason) == (Finding.UNKNOWN, "CIRCUIT_OPEN")
    assert (desk.provider.keys, desk.meter.findings) == ([], [])
    clock.advance(6)
    await checks.once()
    (effect,) = desk.ledger.rows.effects.values()
    assert (effect.state, effect.checks) == (State.DONE, 1)


async def test_a_question_that_finds_no_place_costs_no_try() -> None:
    admission = limits.admission(limits=berths.Limits(per_host=1, wait_s=0.01))
    desk, _ = await in_doubt(admission=admission)
    permit = await admission.admit("acme", desk.provider.host)
    await desk.checks().once()
    permit.give_back()
    assert (desk.doubts.held_back, desk.provider.keys) == ([0.01], [])
    await desk.checks().once()
    (effect,) = desk.ledger.rows.effects.values()
    assert effect.checks == 1


async def test_a_question_that_cannot_be_put_for_good_costs_its_tries() -> None:
    desk, _ = await in_doubt()
    desk.provider.refusal = errors.Refusal("PROVIDER_NOT_CONFIGURED", "no URL")
    await desk.checks().once()
    (effect,) = desk.ledger.rows.effects.values()
    assert (effect.checks, desk.doubts.held_back) == (1, [])


async def test_a_ledger_that_goes_away_while_a_question_is_held_back_stops_no_background() -> None:
    desk, _ = await in_doubt(admission=limits.admission(rules=Rules(failures=1)))
    go_away_after_the_look(desk)
    assert await desk.checks().once() == 1
    assert desk.ledger.failing == 0
