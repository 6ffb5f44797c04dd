from dataclasses import replace

import pytest

from focal_kernel import errors as kernel_errors
from focal_toolbox import errors
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.compensation import Undone
from focal_toolbox.domain.confirmation import Approver
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.order import Order
from focal_toolbox.domain.result import Status
from tests.fakes.toolbox.provider import LOST, REFUSED, ScriptedProvider
from tests.fakes.toolbox_desk import ATTEMPT, Desk

HELD = Answer(Verdict.DONE, result_json='{"hold":{"id":"H-7"}}')


def _desk(*answers: Answer | Exception) -> Desk:
    """Answers for the compensations, behind those of the effects."""
    return Desk(provider=ScriptedProvider([HELD, *answers] if answers else [HELD]))


async def _effect(desk: Desk, tool: str, order_id: str = "1") -> Effect:
    result = await desk.execute(Order(ATTEMPT, tool, f'{{"order_id":"{order_id}"}}'))
    assert result.effect is not None
    return result.effect


def _tried(undone: Undone) -> list[tuple[str, Status, str]]:
    return [(each.effect_id, each.result.status, each.result.error_reason) for each in undone.undoings]


def _state(desk: Desk, effect: Effect) -> State:
    return desk.ledger.rows.effects[effect.tenant_id, effect.effect_key].state


async def test_an_effect_is_undone_by_its_tools_compensation_as_an_effect_of_its_own() -> None:
    desk = _desk()
    held = await _effect(desk, "reserve")
    undone = await desk.compensate()
    assert _tried(undone) == [(held.effect_id, Status.SUCCESS, "")]
    assert [each.state for each in undone.effects] == [State.COMPENSATED]
    assert desk.provider.arguments[-1] == {"order_id": "1", "hold": "H-7"}
    undoing = undone.undoings[0].result.effect
    assert undoing is not None
    assert (undoing.tool_name, undoing.state, undoing.compensates) == ("release", State.DONE, held.effect_id)
    assert desk.provider.keys[-1] == undoing.effect_key
    assert not undone.repeat


async def test_a_repeated_demand_sends_nothing() -> None:
    desk = _desk()
    held = await _effect(desk, "reserve")
    await desk.compensate()
    again = await desk.compensate()
    assert _tried(again) == [(held.effect_id, Status.CACHED, "")]
    assert len(desk.provider.keys) == 2


async def test_a_refused_compensation_stops_the_rest_and_a_repeat_goes_on_there() -> None:
    desk = _desk(HELD, HELD, REFUSED, HELD)
    first, second, third = [await _effect(desk, "reserve", order) for order in "123"]
    undone = await desk.compensate()
    assert _tried(undone) == [(third.effect_id, Status.ERROR, "order_not_found")]
    assert {_state(desk, each) for each in (first, second, third)} == {State.DONE}
    again = await desk.compensate()
    assert [each.effect_id for each in again.undoings] == [e.effect_id for e in (third, second, first)]
    assert {_state(desk, each) for each in (first, second, third)} == {State.COMPENSATED}


async def test_an_irreversible_effect_stands_and_does_not_keep_the_others() -> None:
    desk = _desk()
    held = await _effect(desk, "reserve")
    paid = await _effect(desk, "refund")
    undone = await desk.compensate()
    assert _tried(undone) == [
        (paid.effect_id, Status.REFUSED, "NOT_COMPENSATABLE"),
        (held.effect_id, Status.SUCCESS, ""),
    ]
    assert _state(desk, paid) is State.DONE


async def test_only_the_named_effects_are_undone() -> None:
    desk = _desk()
    first, second = [await _effect(desk, "reserve", order) for order in "12"]
    undone = await desk.compensate(first.effect_id)
    assert [each.effect_id for each in undone.effects] == [first.effect_id]
    assert _state(desk, second) is State.DONE


async def test_an_effect_of_another_group_is_not_found() -> None:
    desk = _desk()
    held = await _effect(desk, "reserve")
    with pytest.raises(kernel_errors.NotFound):
        await desk.compensate(held.effect_id, attempt=replace(ATTEMPT, turn_group_id="grp_9"))
    assert _state(desk, held) is State.DONE


async def test_an_effect_in_doubt_is_not_undone() -> None:
    """Nobody knows whether there is anything to undo."""
    desk = Desk(provider=ScriptedProvider([LOST]))
    held = await _effect(desk, "reserve")
    undone = await desk.compensate()
    assert _tried(undone) == [(held.effect_id, Status.REFUSED, "EFFECT_IN_DOUBT")]
    assert len(desk.provider.keys) == 1


async def test_a_doubtful_compensation_is_repeated_only_where_repeating_is_safe() -> None:
    desk = _desk(LOST, LOST, HELD)  # two requests of the first demand, one of the second
    held = await _effect(desk, "reserve")
    undone = await desk.compensate()
    assert (_tried(undone)[0][1], undone.repeat) == (Status.IN_DOUBT, True)
    assert _state(desk, held) is State.COMPENSATING
    await desk.compensate()
    assert _state(desk, held) is State.COMPENSATED

    careful = _desk(LOST, HELD)
    shipped = await _effect(careful, "ship")
    for _ in range(2):
        undone = await careful.compensate()
        assert (_tried(undone)[0][1], undone.repeat) == (Status.IN_DOUBT, False)
    assert _state(careful, shipped) is State.COMPENSATING
    assert len(careful.provider.keys) == 2


async def test_a_later_operation_on_the_same_order_keeps_the_earlier_one_from_being_undone() -> None:
    desk = _desk()
    held = await _effect(desk, "reserve")
    again = replace(ATTEMPT, turn_id="trn_2", turn_group_id="grp_2", epoch=2)
    await desk.execute(Order(again, "reserve", '{"order_id":"1"}'))
    undone = await desk.compensate()
    assert _tried(undone) == [(held.effect_id, Status.REFUSED, "COMPENSATION_OVERTAKEN")]
    assert not undone.repeat


async def test_an_undone_effect_is_not_repeated_under_its_own_key() -> None:
    desk = _desk()
    await _effect(desk, "reserve")
    await desk.compensate()
    late = replace(ATTEMPT, turn_id="trn_2", epoch=2)
    result = await desk.execute(Order(late, "reserve", '{"order_id":"1"}'))
    assert (result.status, result.error_reason) == (Status.REFUSED, "EFFECT_COMPENSATED")


async def test_no_call_of_the_ended_group_is_carried_out_any_more() -> None:
    desk = _desk()
    await _effect(desk, "reserve")
    await desk.compensate()
    with pytest.raises(errors.Fenced):
        await desk.execute(Order(ATTEMPT, "reserve", '{"order_id":"2"}'))


async def test_a_compensation_whose_arguments_are_missing_is_refused() -> None:
    desk = Desk(provider=ScriptedProvider([Answer(Verdict.DONE, result_json="{}")]))
    held = await _effect(desk, "reserve")
    undone = await desk.compensate()
    assert _tried(undone) == [(held.effect_id, Status.REFUSED, "INVALID_TOOL_ARGUMENTS")]
    assert _state(desk, held) is State.DONE


async def test_an_undoing_that_needs_a_yes_waits_for_an_operator_and_is_then_carried_out_once() -> None:
    desk = _desk()
    hired = await _effect(desk, "hire")
    asked = await desk.compensate()
    assert _tried(asked) == [(hired.effect_id, Status.REFUSED, "APPROVAL_REQUIRED")]
    question = asked.undoings[0].result.confirmation
    assert question is not None
    assert (question.approver, question.prompt) == (
        Approver.OPERATOR,
        "Shall I dismiss the courier of order 1?",
    )
    assert asked.repeat
    assert _state(desk, hired) is State.DONE
    await desk.reply(accepted=True)
    assert (await desk.compensate()).undoings[0].result.status is Status.SUCCESS
    assert _state(desk, hired) is State.COMPENSATED
    assert len(desk.provider.keys) == 2


async def test_an_undoing_that_an_operator_refused_is_not_repeated() -> None:
    desk = _desk()
    hired = await _effect(desk, "hire")
    await desk.compensate()
    await desk.reply(accepted=False)
    refused = await desk.compensate()
    assert _tried(refused) == [(hired.effect_id, Status.REFUSED, "CONFIRMATION_DECLINED")]
    assert not refused.repeat
