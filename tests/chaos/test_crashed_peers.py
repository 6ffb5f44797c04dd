"""kill -9 of the pipeline, the toolbox and the servers before, during and after a refund.

A toolbox that dies between asking the shop and noting the answer leaves an effect in doubt: it is
never repeated and never called rejected.
"""

from __future__ import annotations

import pytest

from focal.toolbox.v1.effect_pb2 import EffectState
from focal.toolbox.v1.toolbox_service_pb2 import CheckFinding
from focal.turn.v1 import turn_pb2
from focal_cli import effect_calls
from tests.chaos.harness import toolbox_lines, verdict
from tests.chaos.harness.customers import Customer
from tests.chaos.harness.gates import Gate
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.scenes import QUESTION, Crash, asked, before_the_yes, kept, paid, refunds
from tests.chaos.harness.toolbox_lines import Line
from tests.fakes.until import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

COMPLETE = turn_pb2.TURN_STATUS_COMPLETE


async def test_a_pipeline_killed_before_the_refund_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.RESERVE) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        crash.kill("pipeline")
    turn = await crash.answered(ada, yes)
    assert (turn.status, turn.attempt > 1) == (COMPLETE, True)
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_pipeline_killed_during_the_refund_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(before_ms=1000)
    yes = await ada.say("Yes, please.")
    await asked(rig)
    crash.kill("pipeline")
    turn = await crash.answered(ada, yes)
    assert (turn.status, turn.attempt > 1) == (COMPLETE, True)
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_a_pipeline_killed_after_the_refund_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.CONCLUDE) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        crash.kill("pipeline")
    turn = await crash.answered(ada, yes)
    assert (turn.status, turn.attempt > 1) == (COMPLETE, True)
    assert refunds(await kept(rig, ada)) == ["DONE"]


@pytest.mark.parametrize("line", toolbox_lines.LINES, ids=str)
async def test_a_toolbox_killed_between_two_lines_pays_once_and_a_check_tells_what_it_paid(
    rig: Rig, crash: Crash, line: Line
) -> None:
    ada = await before_the_yes(rig)
    evidence = await toolbox_lines.die_before(rig, crash, line, ada)
    (effect,) = (each for each in evidence.effects if each.tool_name == verdict.REFUND)
    assert effect.state == line.state
    if effect.state == "IN_DOUBT":
        told = await effect_calls.check(rig.connection, effect.effect_id)
        # That nothing was paid is not believed yet: the request may still be on its way.
        expected = ("DONE", "HAPPENED") if line.payments else ("IN_DOUBT", "ABSENT")
        state, finding = EffectState.Name(told.effect.state), CheckFinding.Name(told.finding)
        assert (state.endswith(expected[0]), finding.endswith(expected[1])) == (True, True), told
        if line.payments:
            await until(lambda: _told_by_itself(rig, ada), "the customer is told of the refund", 20)
        else:
            assert "checking" in (await ada.ask("Is there any news?")).reply[0].text
        assert len((await kept(rig, ada)).refunds) == line.payments


async def _told_by_itself(rig: Rig, who: Customer) -> bool:
    """Whether a turn that no message opened says that the money was paid."""
    turns = (await rig.evidence([who])).committed
    return any(not turn.message_ids and verdict.SAYS_PAID.search(turn.reply_text) for turn in turns)


async def test_a_refund_in_doubt_blocks_another_for_the_same_order(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(after_ms=1500)
    yes = await ada.say("Yes, please.")
    await paid(rig, ada.order)
    crash.kill("toolbox")
    await crash.answered(ada, yes)
    await rig.shop.refunds_take()
    bob = rig.customer()
    bob.order = ada.order
    await bob.ask(f"I'd like to return order {bob.order}, it arrived broken.")
    answer = await bob.ask("Yes, please.")
    assert "checking" in answer.reply[0].text
    evidence = await kept(rig, ada, bob)
    assert refunds(evidence) == ["IN_DOUBT"]
    assert len(evidence.refunds) == 1


@pytest.mark.parametrize("gate", [Gate.MESSAGE, Gate.CLAIM], ids=["stored", "claimed"])
async def test_postgres_killed_while_a_message_is(rig: Rig, crash: Crash, gate: Gate) -> None:
    ada = rig.customer()
    async with rig.closed(gate) as closed:
        saying = ada.begin(QUESTION)
        await closed.reached()
        await crash.kill_postgres()
    turn = await crash.answered(ada, await saying)
    assert turn.status == COMPLETE
    await kept(rig, ada)


async def test_postgres_killed_during_the_refund_leaves_one_refund(rig: Rig, crash: Crash) -> None:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(before_ms=1000)
    yes = await ada.say("Yes, please.")
    await asked(rig)
    await crash.kill_postgres()
    turn = await crash.answered(ada, yes)
    assert turn.status == COMPLETE
    assert refunds(await kept(rig, ada)) == ["DONE"]


@pytest.mark.parametrize("gate", [Gate.RESERVE, Gate.CONCLUDE, Gate.COMMIT], ids=lambda gate: gate.name)
async def test_postgres_killed_around_the_refund_leaves_one_refund(
    rig: Rig, crash: Crash, gate: Gate
) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(gate) as closed:
        yes = await ada.say("Yes, please.")
        await closed.reached()
        await crash.kill_postgres()
    turn = await crash.answered(ada, yes)
    assert turn.status == COMPLETE
    assert refunds(await kept(rig, ada)) == ["DONE"]


async def test_valkey_killed_during_a_turn_delays_no_answer_and_loses_no_delivery(
    rig: Rig, crash: Crash
) -> None:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.COMMIT) as gate:
        yes = await ada.say("Yes, please.")
        await gate.reached()
        crash.kill("valkey")
    turn = await crash.answered(ada, yes)
    assert turn.status == COMPLETE
    assert refunds(await kept(rig, ada)) == ["DONE"]


@pytest.mark.parametrize("name", ["memory", "config_watcher"])
async def test_a_helper_killed_during_a_turn_delays_no_answer(rig: Rig, crash: Crash, name: str) -> None:
    ada = await before_the_yes(rig)
    crash.kill(name)
    yes = await ada.say("Yes, please.")
    turn = await crash.answered(ada, yes)
    assert turn.status == COMPLETE
    assert refunds(await kept(rig, ada)) == ["DONE"]
