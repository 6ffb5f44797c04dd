from dataclasses import replace
from datetime import timedelta

import pytest

from focal_toolbox import errors
from focal_toolbox.domain.confirmation import Approver, Standing
from focal_toolbox.domain.order import Order
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Status
from tests.fakes.toolbox_desk import ATTEMPT, Desk

PAY = Order(ATTEMPT, "pay", '{"amount": 59.9, "order_id": "1"}')
PEEK = Order(ATTEMPT, "peek", "{}")
NEXT = replace(ATTEMPT, turn_id="trn_2", turn_group_id="grp_2", epoch=2)
LATER = replace(NEXT, turn_id="trn_3", turn_group_id="grp_3")


async def test_a_call_that_needs_a_yes_asks_and_sends_nothing() -> None:
    desk = Desk()
    result = await desk.execute(PAY)
    assert (result.status, result.error_reason) == (Status.REFUSED, "CONFIRMATION_REQUIRED")
    assert result.confirmation is not None
    assert result.confirmation.prompt == "Shall I pay 59.9 for order 1?"
    assert result.confirmation.approver is Approver.CUSTOMER
    assert not result.commit_point_reached
    assert desk.provider.keys == []
    assert desk.ledger.rows.effects == {}
    assert desk.meter.executions == [(Policy.IRREVERSIBLE, Status.REFUSED)]


async def test_the_question_is_asked_once() -> None:
    desk = Desk()
    first = await desk.execute(PAY)
    spelled_otherwise = replace(PAY, arguments_json='{"order_id":"1","amount":59.90}')
    second = await desk.execute(spelled_otherwise)
    assert first.confirmation == second.confirmation


async def test_a_yes_lets_exactly_one_call_pass() -> None:
    desk = Desk()
    await desk.execute(PAY)
    await desk.reply(accepted=True)
    in_next_turn = replace(PAY, attempt=NEXT)
    assert (await desk.execute(in_next_turn)).status is Status.SUCCESS
    assert (await desk.execute(in_next_turn)).status is Status.CACHED
    another = await desk.execute(replace(in_next_turn, occurrence=2))
    assert another.error_reason == "CONFIRMATION_REQUIRED"
    assert len(desk.provider.keys) == 1


async def test_a_changed_amount_needs_a_new_yes() -> None:
    desk = Desk()
    await desk.execute(PAY)
    await desk.reply(accepted=True)
    more = replace(PAY, arguments_json='{"amount": 60, "order_id": "1"}')
    assert (await desk.execute(more)).error_reason == "CONFIRMATION_REQUIRED"


async def test_a_read_that_needs_a_yes_uses_it_up() -> None:
    desk = Desk()
    assert (await desk.execute(PEEK)).error_reason == "CONFIRMATION_REQUIRED"
    await desk.reply(accepted=True)
    assert (await desk.execute(PEEK)).status is Status.SUCCESS
    assert (await desk.execute(PEEK)).status is Status.SUCCESS, "the same call passes again"
    in_next_turn = await desk.execute(replace(PEEK, attempt=NEXT))
    assert in_next_turn.error_reason == "CONFIRMATION_REQUIRED"


async def test_a_no_stands_for_its_turn_group() -> None:
    desk = Desk()
    await desk.execute(PAY)
    await desk.reply(accepted=False, turn_group_id="grp_2")
    in_next_turn = replace(PAY, attempt=NEXT)
    assert (await desk.execute(in_next_turn)).error_reason == "CONFIRMATION_DECLINED"
    assert (await desk.execute(replace(PAY, attempt=LATER))).error_reason == "CONFIRMATION_REQUIRED"


async def test_a_no_outside_a_turn_is_told_to_one_turn_group() -> None:
    desk = Desk()
    await desk.execute(PAY)
    await desk.reply(accepted=False)
    in_next_turn = replace(PAY, attempt=NEXT)
    assert (await desk.execute(in_next_turn)).error_reason == "CONFIRMATION_DECLINED"
    assert (await desk.execute(in_next_turn)).error_reason == "CONFIRMATION_DECLINED"
    assert (await desk.execute(replace(PAY, attempt=LATER))).error_reason == "CONFIRMATION_REQUIRED"


async def test_a_yes_that_lapsed_is_asked_for_again() -> None:
    desk = Desk()
    await desk.execute(PAY)
    await desk.reply(accepted=True)
    desk.ledger.rows.confirmations.now += timedelta(seconds=600)
    assert (await desk.execute(PAY)).error_reason == "CONFIRMATION_REQUIRED"
    assert [one.state for one in desk.ledger.rows.confirmations.rows] == [Standing.EXPIRED, Standing.ASKED]


async def test_an_answer_must_be_of_whoever_was_asked() -> None:
    desk = Desk()
    await desk.execute(PAY)
    with pytest.raises(errors.ForeignAttempt):
        await desk.reply(accepted=True, approver=Approver.OPERATOR)


async def test_two_approvers_must_both_agree_and_neither_yes_is_used_alone() -> None:
    desk = Desk()
    await desk.execute(PAY)
    await desk.reply(accepted=True)
    confirming = desk.confirming()
    (asked,) = desk.ledger.rows.confirmations.rows
    preparation = desk._preparation()
    job = preparation.job(PAY, await preparation.tool(PAY), preparation.arguments(PAY))
    job = confirming.ask(confirming.of_tool(job), Approver.OPERATOR, "")
    missing = (await desk.ledger.reserve(job.wish())).missing
    assert missing is not None
    assert (missing.approver, missing.prompt) == (
        Approver.OPERATOR,
        "May I run pay with amount 59.9, order_id 1?",
    )
    assert desk.ledger.rows.confirmations.rows[0] == replace(asked, state=Standing.ACCEPTED)
    await desk.reply(accepted=True)
    assert (await desk.ledger.reserve(job.wish())).missing is None
