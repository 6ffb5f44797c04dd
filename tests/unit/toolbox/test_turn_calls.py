import json
from dataclasses import replace

import pytest

from focal_toolbox import errors
from focal_toolbox.core.preparing import Job
from focal_toolbox.core.turn_calls import TurnCalls
from focal_toolbox.domain.effect import Outcome, Reservation
from focal_toolbox.domain.order import Arguments, Order
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Status
from focal_toolbox.domain.tool import Tool
from tests.fakes.toolbox.provider import DONE, REFUSED, ScriptedProvider
from tests.fakes.toolbox.wishes import to_refund
from tests.fakes.toolbox_desk import ATTEMPT, Desk

LOOK_UP = Tool("look_up", policy=Policy.PURE)


def _order(tool: str, number: int) -> Order:
    return Order(ATTEMPT, tool, json.dumps({"order_id": str(number)}))


def _read(number: int, turn_id: str = "trn_1") -> Job:
    order = replace(_order("look_up", number), attempt=replace(ATTEMPT, turn_id=turn_id))
    return Job(order, LOOK_UP, Arguments(order.arguments_json, {}), ScriptedProvider())


async def _ends(desk: Desk, *calls: tuple[str, int]) -> list[str]:
    results = [await desk.execute(_order(*call)) for call in calls]
    return [result.error_reason or result.status.value for result in results]


async def test_the_sixth_different_call_of_a_turn_is_refused_whatever_the_tools() -> None:
    desk = Desk()
    calls = [("look_up", 1), ("refund", 1), ("label", 1), ("look_up", 2), ("refund", 2)]
    assert await _ends(desk, *calls) == ["SUCCESS"] * 5
    assert await _ends(desk, ("look_up", 3), ("refund", 3)) == ["TOO_MANY_TOOL_CALLS"] * 2
    assert len(desk.ledger.rows.effects) == 3
    assert desk.meter.executions[-1] == (Policy.IRREVERSIBLE, Status.REFUSED)


async def test_a_repeated_call_does_not_count_again() -> None:
    desk = Desk()
    calls = [("refund", number) for number in range(4)] + [("look_up", 1)]
    await _ends(desk, *calls)
    assert await _ends(desk, *calls) == ["CACHED"] * 4 + ["SUCCESS"]


async def test_a_failed_call_counts_and_may_be_tried_again() -> None:
    desk = Desk(ScriptedProvider([REFUSED]))
    await _ends(desk, *[("refund", number) for number in range(5)])
    assert await _ends(desk, ("refund", 0), ("refund", 9)) == ["order_not_found", "TOO_MANY_TOOL_CALLS"]


async def test_each_turn_has_its_own_calls() -> None:
    desk = Desk()
    await _ends(desk, *[("refund", number) for number in range(5)])
    later = replace(ATTEMPT, turn_id="trn_2", turn_group_id="grp_2")
    result = await desk.execute(replace(_order("refund", 9), attempt=later))
    assert result.status is Status.SUCCESS


async def test_compensations_do_not_count() -> None:
    desk = Desk(ScriptedProvider([replace(DONE, result_json='{"hold":{"id":7}}')]))
    await _ends(desk, *[("reserve", number) for number in range(5)])
    undone = await desk.compensate()
    assert [each.result.status for each in undone.undoings] == [Status.SUCCESS] * 5


def test_no_limit_is_no_limit() -> None:
    calls = TurnCalls(0, 10, 60)
    for number in range(50):
        calls.read(_read(number))
    assert calls.limited(to_refund()).max_calls is None


@pytest.mark.parametrize("outcome", [Outcome.BLOCKED_IN_DOUBT, Outcome.FENCED, Outcome.TOO_MANY_CALLS])
def test_an_effect_that_did_not_come_about_leaves_its_place_to_a_read(outcome: Outcome) -> None:
    calls = TurnCalls(1, 10, 60)
    wish = calls.limited(to_refund())
    with pytest.raises(errors.Refusal):
        calls.read(_read(1))
    calls.answered(wish, Reservation(outcome, 1))
    calls.read(_read(1))
    assert calls.limited(to_refund()).max_calls == 0


def test_a_read_that_did_not_begin_leaves_its_place() -> None:
    calls = TurnCalls(1, 10, 60)
    uncount = calls.read(_read(1))
    uncount()
    calls.read(_read(2))


def test_a_repetition_that_did_not_begin_leaves_the_first_read_counted() -> None:
    calls = TurnCalls(1, 10, 60)
    calls.read(_read(1))
    uncount = calls.read(_read(1))
    uncount()
    with pytest.raises(errors.Refusal):
        calls.read(_read(2))


def test_a_turn_that_is_forgotten_begins_anew() -> None:
    calls = TurnCalls(1, 1, 60)
    calls.read(_read(1))
    calls.read(_read(1, "trn_2"))
    calls.read(_read(2))
