"""kill -9 of the only gateway at named instants of a turn; `test_fault_points.py` has a second one.

A gate in the database, or the shop's own delay, stops the turn at the instant. Then the customer must
get the answer, and the databases must agree with the promises.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from focal.turn.v1 import turn_pb2
from tests.chaos.harness import rig as rigs
from tests.chaos.harness.gates import Gate
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.scenes import QUESTION, Crash, asked, before_the_yes, kept, paid, refunds

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("alone"),
]

GATEWAY, OTHER = rigs.GATEWAYS
COMPLETE = turn_pb2.TURN_STATUS_COMPLETE


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alone(mesh: Rig) -> AsyncIterator[None]:
    async with mesh.without(OTHER):
        yield


@pytest.mark.parametrize("stored", [False, True], ids=["before", "after"])
async def test_a_gateway_killed_around_the_commit_of_a_message_leaves_one_message(
    rig: Rig, crash: Crash, stored: bool
) -> None:
    ada = rig.customer()
    async with rig.closed(Gate.MESSAGE) as gate:
        saying = ada.begin(QUESTION)
        await gate.reached()
        crash.kill(GATEWAY)
        if not stored:
            await gate.abort()
    turn = await crash.answered(ada, await saying)
    assert turn.status == COMPLETE
    await kept(rig, ada)


async def test_a_gateway_killed_between_acknowledgement_and_wake_up_loses_no_message(
    rig: Rig, crash: Crash
) -> None:
    ada = rig.customer()
    async with rig.closed(Gate.CLAIM) as gate:
        saying = await ada.say(QUESTION)
        await gate.reached()
        crash.kill(GATEWAY)
        await gate.abort()
    await crash.healed(ada)
    assert (await ada.answer(saying)).status == COMPLETE
    await kept(rig, ada)


async def test_a_gateway_killed_while_the_plan_is_stored_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.PLAN) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        crash.kill(GATEWAY)
    turn = await crash.answered(ada, yes)
    assert turn.attempt > 1
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_gateway_killed_before_the_refund_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.RESERVE) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        crash.kill(GATEWAY)
    turn = await crash.answered(ada, yes)
    assert turn.attempt > 1
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_gateway_killed_during_the_refund_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(before_ms=1000)
    yes = await ada.say("Yes, please.")
    await asked(rig)
    crash.kill(GATEWAY)
    turn = await crash.answered(ada, yes)
    assert turn.attempt > 1
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_gateway_killed_after_the_refund_was_paid_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.CONCLUDE) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        await paid(rig, ada.order)
        crash.kill(GATEWAY)
    turn = await crash.answered(ada, yes)
    assert turn.attempt > 1
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_gateway_killed_before_the_commit_answers_in_another_attempt(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.COMMIT) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        crash.kill(GATEWAY)
        await gate.abort()
    turn = await crash.answered(ada, yes)
    assert turn.attempt > 1
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_gateway_killed_between_commit_and_reply_has_answered(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.COMMIT) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        crash.kill(GATEWAY)
    turn = await crash.answered(ada, yes)
    assert (turn.attempt, turn.status) == (1, COMPLETE)
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_gateway_killed_between_delivery_and_its_note_has_delivered_once(
    rig: Rig, crash: Crash
) -> None:
    ada = rig.customer()
    async with rig.closed(Gate.DELIVERED) as gate:
        saying = await ada.say(QUESTION)
        await gate.reached()
        crash.kill(GATEWAY)
        await gate.abort()
    await crash.answered(ada, saying)
    await kept(rig, ada)
