import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from focal_kernel.clock import ManualClock
from focal_toolbox import errors
from focal_toolbox.core import berths
from focal_toolbox.core.admission import Permit
from focal_toolbox.domain.circuit import Position, Rules
from focal_toolbox.domain.effect import State
from focal_toolbox.domain.order import Order
from focal_toolbox.domain.result import Status
from tests.fakes.toolbox import limits
from tests.fakes.toolbox.limits import CountingLimitMeter
from tests.fakes.toolbox.provider import DONE, LOST, REFUSED, ScriptedProvider
from tests.fakes.toolbox_desk import ATTEMPT, Desk
from tests.fakes.until import until

RULES = Rules(failures=2, window_s=30, open_s=10)
NARROW = berths.Limits(per_host=1, wait_s=0)


def _order(tool: str, number: int = 1) -> Order:
    return Order(ATTEMPT, tool, json.dumps({"order_id": str(number)}))


async def test_an_open_circuit_refuses_one_tenant_at_one_host_and_says_for_how_long() -> None:
    clock, meter = ManualClock(), CountingLimitMeter()
    admission = limits.admission(clock, rules=RULES, meter=meter)
    for _ in range(2):
        permit = await admission.admit("acme", "shop")
        permit.answered(LOST)
        permit.give_back()
    clock.advance(4)
    with pytest.raises(errors.Refusal) as refused:
        await admission.admit("acme", "shop")
    assert (refused.value.reason, refused.value.retry_after_s) == ("CIRCUIT_OPEN", 6)
    for tenant, host in (("acme", "bank"), ("globex", "shop")):
        (await admission.admit(tenant, host)).give_back()
    assert meter.refusals == ["CIRCUIT_OPEN"]
    clock.advance(6)
    trial = await admission.admit("acme", "shop")
    trial.answered(DONE)
    assert meter.changes == [("shop", each) for each in (Position.OPEN, Position.HALF_OPEN, Position.CLOSED)]


async def _opened(**more: Any) -> tuple[Desk, ManualClock]:
    clock = ManualClock()
    desk = Desk(ScriptedProvider([LOST]), admission=limits.admission(clock, rules=RULES), **more)
    for number in (8, 9):
        await desk.execute(_order("refund", number))
    desk.provider.answers = [DONE]
    return desk, clock


@pytest.mark.parametrize("tool", ["refund", "look_up"])
async def test_an_open_circuit_sends_nothing_and_leaves_no_row(tool: str) -> None:
    desk, clock = await _opened()
    sent, rows = len(desk.provider.keys), len(desk.ledger.rows.effects)
    result = await desk.execute(_order(tool))
    assert (result.status, result.error_reason) == (Status.REFUSED, "CIRCUIT_OPEN")
    assert result.passing
    assert result.retry_after_s == 10
    assert (len(desk.provider.keys), len(desk.ledger.rows.effects)) == (sent, rows)
    clock.advance(10)
    assert (await desk.execute(_order(tool))).status is Status.SUCCESS


@pytest.mark.parametrize("tool", ["refund", "look_up"])
async def test_without_a_place_nothing_is_sent_nor_reserved(tool: str) -> None:
    desk = Desk(admission=limits.admission(limits=NARROW))
    held = await desk.admission.admit("acme", "shop")
    result = await desk.execute(_order(tool))
    assert (result.status, result.error_reason, result.passing) == (Status.REFUSED, "TOOLBOX_BUSY", True)
    assert desk.provider.keys == []
    assert desk.ledger.rows.effects == {}
    held.give_back()
    assert (await desk.execute(_order(tool))).status is Status.SUCCESS


@pytest.mark.parametrize("answer", [DONE, LOST])
async def test_a_call_that_is_held_back_still_tells_what_it_did_before(answer: Any) -> None:
    """Else a crash attempt would call a refund rejected that was made."""
    desk = Desk(ScriptedProvider([answer]), admission=limits.admission(limits=NARROW))
    first = await desk.execute(_order("refund"))
    held = await desk.admission.admit("acme", "shop")
    again = await desk.execute(_order("refund"))
    assert again.effect == first.effect
    assert again.status is (Status.CACHED if answer is DONE else Status.IN_DOUBT)
    held.give_back()


async def test_a_failed_call_that_is_held_back_is_refused() -> None:
    desk = Desk(ScriptedProvider([REFUSED]), admission=limits.admission(limits=NARROW))
    await desk.execute(_order("refund"))
    await desk.admission.admit("acme", "shop")
    assert (await desk.execute(_order("refund"))).error_reason == "TOOLBOX_BUSY"


async def test_a_call_that_is_held_back_does_not_count_for_its_turn() -> None:
    desk = Desk(admission=limits.admission(limits=NARROW))
    held = await desk.admission.admit("acme", "shop")
    for number in range(9):
        await desk.execute(_order("look_up", number))
    held.give_back()
    results = [await desk.execute(_order("look_up", number)) for number in range(5)]
    assert {result.status for result in results} == {Status.SUCCESS}


@pytest.mark.parametrize("tool", ["refund", "look_up", "elsewhere"])
async def test_every_place_is_given_back(tool: str) -> None:
    desk = Desk(ScriptedProvider([DONE, LOST, REFUSED]), admission=limits.admission(limits=NARROW))
    for number in range(5):
        await desk.execute(_order(tool, number))
    permit = await desk.admission.admit("acme", "shop")
    assert isinstance(permit, Permit)


async def test_a_place_is_held_until_the_effect_ends_although_the_caller_left() -> None:
    provider = ScriptedProvider(hold=asyncio.Event())
    desk = Desk(provider, admission=limits.admission(limits=NARROW))
    call = asyncio.create_task(desk.execute(_order("refund")))
    await provider.sent.wait()
    call.cancel()
    await asyncio.wait([call])
    with pytest.raises(errors.Refusal):
        await desk.admission.admit("acme", "shop")
    assert provider.hold is not None
    provider.hold.set()
    await until(lambda: desk.state() is State.DONE, "the refund is recorded")
    await asyncio.sleep(0)
    (await desk.admission.admit("acme", "shop")).give_back()


async def test_a_compensation_without_a_place_is_to_be_repeated() -> None:
    desk = Desk(
        ScriptedProvider([replace(DONE, result_json='{"hold":{"id":7}}')]),
        admission=limits.admission(limits=NARROW),
    )
    await desk.execute(_order("reserve"))
    held = await desk.admission.admit("acme", "shop")
    undone = await desk.compensate()
    assert [each.result.error_reason for each in undone.undoings] == ["TOOLBOX_BUSY"]
    assert undone.repeat
    held.give_back()
    assert not (await desk.compensate()).repeat
