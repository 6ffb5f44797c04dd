import asyncio
import json
from dataclasses import replace

import pytest

from focal_kernel import errors as kernel_errors
from focal_toolbox import errors
from focal_toolbox.core.batching import Tagged
from focal_toolbox.domain.batch import Step
from focal_toolbox.domain.order import Order
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Result, Started, Status
from tests.fakes.toolbox.provider import DONE, LOST, REFUSED, ScriptedProvider
from tests.fakes.toolbox_desk import ATTEMPT, Desk
from tests.fakes.until import until


def _order(tool: str, number: int = 1) -> Order:
    return Order(ATTEMPT, tool, json.dumps({"order_id": str(number)}))


def _results(events: list[Tagged]) -> dict[int, tuple[Status, str]]:
    return {
        number: (event.status, event.error_reason) for number, event in events if isinstance(event, Result)
    }


async def test_every_call_ends_with_its_result_under_its_own_number() -> None:
    events = await Desk().batch(Step(_order("look_up")), Step(_order("nothing")), Step(_order("refund")))
    assert _results(events) == {
        0: (Status.SUCCESS, ""),
        1: (Status.REFUSED, "TOOL_NOT_FOUND"),
        2: (Status.SUCCESS, ""),
    }
    for number in (0, 2):
        first, last = (event for found, event in events if found == number)
        assert isinstance(first, Started)
        assert isinstance(last, Result)


async def test_a_failed_critical_call_stops_what_has_not_begun() -> None:
    desk = Desk(ScriptedProvider([REFUSED]))
    found = _results(
        await desk.batch(
            Step(_order("refund"), critical=True), Step(_order("label")), Step(_order("look_up"))
        )
    )
    assert found[0] == (Status.ERROR, "order_not_found")
    assert found[1] == found[2] == (Status.REFUSED, "BATCH_STOPPED")
    assert len(desk.provider.keys) == 1
    assert desk.meter.executions[1:] == [(Policy.IDEMPOTENT, Status.REFUSED), (Policy.PURE, Status.REFUSED)]


async def test_a_call_that_is_not_critical_stops_nothing() -> None:
    desk = Desk(ScriptedProvider([REFUSED, DONE]))
    found = _results(await desk.batch(Step(_order("refund")), Step(_order("refund", 2))))
    assert found == {0: (Status.ERROR, "order_not_found"), 1: (Status.SUCCESS, "")}


async def test_a_call_under_way_is_finished_although_the_batch_stops() -> None:
    provider = ScriptedProvider(hold=asyncio.Event())
    desk = Desk(provider)
    work = asyncio.create_task(
        desk.batch(
            Step(_order("label", 1), independent=True),
            Step(_order("nothing"), critical=True),
            Step(_order("label", 2)),
        )
    )
    await provider.sent.wait()
    await until(lambda: len(desk.meter.executions) == 2, "the critical call and the stopped one ended")
    assert provider.hold is not None
    provider.hold.set()
    found = _results(await work)
    assert found[0] == (Status.SUCCESS, "")
    assert found[2] == (Status.REFUSED, "BATCH_STOPPED")


async def test_a_call_whose_prerequisite_fails_is_refused_and_so_is_what_follows_it() -> None:
    desk = Desk(ScriptedProvider([LOST, DONE]))
    found = _results(
        await desk.batch(
            Step(_order("refund")),
            Step(_order("look_up"), after=frozenset({0})),
            Step(_order("label"), after=frozenset({1})),
            Step(_order("label", 2)),
        )
    )
    assert found[0][0] is Status.IN_DOUBT
    assert found[1] == found[2] == (Status.REFUSED, "PREREQUISITE_FAILED")
    assert found[3] == (Status.SUCCESS, "")


async def test_equal_calls_of_a_batch_are_one_effect() -> None:
    desk = Desk()
    found = _results(await desk.batch(Step(_order("refund")), Step(_order("refund"), independent=True)))
    assert {status for status, _ in found.values()} == {Status.SUCCESS, Status.CACHED}
    assert len(desk.provider.keys) == 1


@pytest.mark.parametrize("after", [{1}, {2}, {-1}, {0, 1}])
async def test_only_earlier_calls_can_be_waited_for(after: set[int]) -> None:
    desk = Desk()
    steps = [Step(_order("refund")), Step(_order("label"), after=frozenset(after))]
    with pytest.raises(errors.BadRequest, match="earlier calls"):
        await desk.batch(*steps)
    assert desk.provider.keys == []


@pytest.mark.parametrize("count", [0, 11])
async def test_a_batch_has_one_to_ten_calls(count: int) -> None:
    with pytest.raises(errors.BadRequest, match="1 to 10"):
        await Desk().batch(*[Step(_order("label"))] * count)


async def test_a_malformed_call_is_named_and_nothing_begins() -> None:
    desk = Desk()
    bad = replace(_order("label"), arguments_json="[]")
    with pytest.raises(errors.BadRequest) as caught:
        await desk.batch(Step(_order("refund")), Step(bad))
    assert [one.field for one in caught.value.violations] == ["calls[1].arguments_json"]
    assert desk.provider.keys == []


async def test_a_lost_fence_ends_the_batch_as_it_ends_a_call() -> None:
    desk = Desk()
    desk.ledger.rows.fences["acme", "ses_1"] = 2
    with pytest.raises(errors.Fenced):
        await desk.batch(Step(_order("refund")), Step(_order("label")))


async def test_an_unknown_agent_is_an_error_of_the_whole_batch() -> None:
    order = replace(_order("refund"), attempt=replace(ATTEMPT, agent_id="nobody"))
    with pytest.raises(kernel_errors.NotFound):
        await Desk().batch(Step(order))


async def test_a_caller_that_leaves_begins_nothing_further_and_leaves_effects_to_their_end() -> None:
    provider = ScriptedProvider(hold=asyncio.Event())
    desk = Desk(provider)
    work = asyncio.create_task(desk.batch(Step(_order("refund")), Step(_order("label"))))
    await provider.sent.wait()
    work.cancel()
    await asyncio.wait([work])
    assert provider.hold is not None
    provider.hold.set()
    await until(lambda: desk.state().value == "DONE", "the refund is recorded")
    assert len(provider.keys) == 1
