"""SIGSTOP: a process that everybody takes for dead comes back and goes on where it was.

A gateway is frozen past its lease of three seconds while another one takes its sessions; nothing but
epoch, fence and ledger then stands between the thawed one and a second answer or refund.
"""

from __future__ import annotations

import asyncio

import pytest

from focal.turn.v1 import turn_pb2
from tests.chaos.harness import rig as rigs
from tests.chaos.harness.gates import Gate
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.scenes import (
    QUESTION,
    Crash,
    asked,
    attempted,
    before_the_yes,
    kept,
    paid,
    refunds,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

GATEWAY = rigs.GATEWAYS[0]
SECOND = 1
COMPLETE = turn_pb2.TURN_STATUS_COMPLETE
PAST_THE_LEASE_S = 4.0
TOO_OLD_TO_SEND_S = 2.0
"""Over the toolbox's 1.5 s, and under the 3 s after which the pipeline gives the connection up."""


async def test_a_gateway_frozen_during_a_refund_is_replaced_and_changes_nothing_when_it_thaws(
    rig: Rig, crash: Crash
) -> None:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(before_ms=1000)
    yes = await ada.say("Yes, please.")
    await asked(rig)
    async with crash.freeze(GATEWAY):
        ada.gateway = SECOND
        turn = await crash.answered(ada, yes)
    assert (turn.status, turn.attempt) == (COMPLETE, 2)
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_gateway_that_thaws_while_its_successor_runs_leaves_one_answer(
    rig: Rig, crash: Crash
) -> None:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(before_ms=5000)
    yes = await ada.say("Yes, please.")
    await asked(rig)
    async with crash.freeze(GATEWAY):
        await attempted(rig, yes, 2)
    turn = await crash.answered(ada, yes)
    assert (turn.status, turn.attempt) == (COMPLETE, 2)
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_gateway_frozen_before_its_plan_was_acknowledged_leaves_one_refund(
    rig: Rig, crash: Crash
) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.PLAN) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        async with crash.freeze(GATEWAY):
            await gate.open()
            ada.gateway = SECOND
            turn = await crash.answered(ada, yes)
    assert (turn.status, turn.attempt) == (COMPLETE, 2)
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_gateway_frozen_between_commit_and_reply_holds_back_no_reply(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.COMMIT) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        async with crash.freeze(GATEWAY):
            await gate.open()
            ada.gateway = SECOND
            turn = await crash.answered(ada, yes)
            next_turn = await ada.ask(QUESTION)
    assert (turn.status, turn.attempt) == (COMPLETE, 1)
    assert next_turn.status == COMPLETE
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_pipeline_frozen_for_a_while_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.RESERVE) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        async with crash.freeze("pipeline"):
            await gate.open()
            await asyncio.sleep(PAST_THE_LEASE_S)
    turn = await crash.answered(ada, yes)
    assert turn.status == COMPLETE
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_toolbox_frozen_while_the_shop_works_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(after_ms=1000)
    yes = await ada.say("Yes, please.")
    await paid(rig, ada.order)
    async with crash.freeze("toolbox"):
        await asyncio.sleep(PAST_THE_LEASE_S)
    turn = await crash.answered(ada, yes)
    assert turn.status == COMPLETE
    evidence = await kept(rig, ada)
    assert len(evidence.refunds) == 1


async def test_a_toolbox_frozen_between_reserving_and_sending_does_not_send_on_an_old_reservation(
    rig: Rig, crash: Crash
) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.RESERVE) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        async with crash.freeze("toolbox"):
            await gate.open()
            await asyncio.sleep(TOO_OLD_TO_SEND_S)
    turn = await crash.answered(ada, yes)
    assert turn.status == COMPLETE
    evidence = await kept(rig, ada)
    assert (refunds(evidence), evidence.refunds) == (["FAILED"], [])


async def test_a_frozen_valkey_delays_no_answer(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with crash.freeze("valkey"):
        turn = await crash.answered(ada, await ada.say("Yes, please."))
    assert turn.status == COMPLETE
    assert refunds(await kept(rig, ada)) == ["DONE"]
