"""Calls held back by the tool policy.

Seen to fail: without the `except` of `Policing._ruling`, without its timeout, with the check left out of
`Execution` or of `Compensation`, and without the look for what had happened before a denial.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from focal_toolbox import errors
from focal_toolbox.domain.confirmation import Approver
from focal_toolbox.domain.effect import State
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Status
from focal_toolbox.domain.tool_rules import Decision, Ruling
from tests.fakes.tool_policy import FixedPolicy
from tests.fakes.toolbox.provider import LOST
from tests.fakes.toolbox_desk import ATTEMPT, ORDER, Desk

DENIED = Ruling(Decision.DENY, "no_refunds", "refunds are closed until Monday")
READ = replace(ORDER, tool_name="look_up")


@pytest.mark.parametrize("order", [ORDER, READ])
async def test_a_denied_call_is_a_result_with_the_reason_and_nothing_is_sent(order: object) -> None:
    desk = Desk(policy=FixedPolicy(DENIED))
    found = await desk.execute(order)  # type: ignore[arg-type]
    assert (found.status, found.error_reason, found.passing) == (Status.REFUSED, "POLICY_DENIED", False)
    assert "closed until Monday" in found.error_message
    assert desk.provider.keys == []
    assert desk.ledger.rows.effects == {}
    assert desk.decisions.decisions == [Decision.DENY]


@pytest.mark.parametrize("broken", [RuntimeError("select * from secrets"), OSError(), None])
@pytest.mark.parametrize("order", [ORDER, READ])
async def test_without_a_decision_nothing_is_sent(order: object, broken: Exception | None) -> None:
    desk = Desk(policy=FixedPolicy(broken))
    found = await desk.execute(order)  # type: ignore[arg-type]
    assert (found.status, found.error_reason, found.passing) == (Status.REFUSED, "POLICY_UNAVAILABLE", True)
    assert "secrets" not in found.error_message
    assert desk.provider.keys == []
    assert desk.ledger.rows.effects == {}
    assert desk.decisions.decisions == [None]


async def test_while_what_the_policy_rests_on_is_away_the_caller_is_to_come_again() -> None:
    """Break: take Unavailable for a decision that failed."""
    desk = Desk(policy=FixedPolicy(errors.LedgerAway()))
    with pytest.raises(errors.LedgerAway):
        await desk.execute(ORDER)
    assert desk.provider.keys == []
    assert desk.ledger.rows.effects == {}


async def test_the_policy_hears_what_the_call_is() -> None:
    desk = Desk()
    await desk.execute(ORDER)
    (facts,) = desk.policy.asked
    assert (facts.tenant_id, facts.agent_id, facts.session_id) == ("acme", "returns_desk", "ses_1")
    assert (facts.tool_name, facts.side_effect, facts.arguments) == (
        "refund",
        Policy.IRREVERSIBLE,
        {"order_id": "1"},
    )


async def test_an_approval_is_asked_for_with_the_rules_reason_and_lets_the_call_pass_once() -> None:
    desk = Desk(policy=FixedPolicy(Ruling(Decision.NEED_APPROVAL, "large", "Refund order {order_id}?")))
    asked = await desk.execute()
    assert (asked.status, asked.error_reason) == (Status.REFUSED, "APPROVAL_REQUIRED")
    assert asked.confirmation is not None
    assert (asked.confirmation.approver, asked.confirmation.prompt) == (Approver.OPERATOR, "Refund order 1?")
    assert desk.provider.keys == []
    await desk.reply(True)
    assert (await desk.execute()).status is Status.SUCCESS
    another = replace(ORDER, attempt=replace(ATTEMPT, turn_group_id="grp_2"))
    assert (await desk.execute(another)).error_reason == "APPROVAL_REQUIRED"
    assert len(desk.provider.keys) == 1


async def test_an_approval_by_the_customer_is_asked_of_the_customer_once() -> None:
    desk = Desk(policy=FixedPolicy(Ruling(Decision.NEED_APPROVAL, "any", approver=Approver.CUSTOMER)))
    asked = await desk.execute()
    assert asked.error_reason == "CONFIRMATION_REQUIRED"
    await desk.reply(True)
    assert (await desk.execute()).status is Status.SUCCESS


async def test_an_effect_that_happened_before_it_was_denied_is_not_told_as_refused() -> None:
    desk = Desk()
    await desk.execute()
    desk.policy.ruling = DENIED
    again = await desk.execute()
    assert (again.status, again.error_reason) == (Status.CACHED, "")
    assert len(desk.provider.keys) == 1


async def test_doubt_about_an_effect_is_told_although_it_is_denied_now() -> None:
    desk = Desk()
    desk.provider.answers = [LOST]
    await desk.execute()
    desk.policy.ruling = DENIED
    assert (await desk.execute()).status is Status.IN_DOUBT


async def test_an_effect_that_failed_before_it_was_denied_is_refused() -> None:
    desk = Desk()
    await desk.execute()
    ((key, effect),) = desk.ledger.rows.effects.items()
    desk.ledger.rows.effects[key] = replace(effect, state=State.FAILED)
    desk.policy.ruling = DENIED
    assert (await desk.execute()).error_reason == "POLICY_DENIED"


async def test_an_effect_under_way_that_is_denied_now_is_not_sent_again() -> None:
    desk = Desk()
    await desk.execute()
    ((key, effect),) = desk.ledger.rows.effects.items()
    desk.ledger.rows.effects[key] = replace(effect, state=State.PREPARED)
    desk.policy.ruling = DENIED
    assert (await desk.execute()).error_reason == "EFFECT_IN_PROGRESS"
    assert len(desk.provider.keys) == 1


async def test_a_compensation_is_a_call_that_may_be_denied() -> None:
    desk = Desk()
    await desk.execute(replace(ORDER, tool_name="ship"))
    desk.policy.ruling = DENIED
    undone = await desk.compensate()
    (undoing,) = undone.undoings
    assert undoing.result.error_reason == "POLICY_DENIED"
    desk.policy.ruling = Ruling(Decision.NEED_APPROVAL, "any", approver=Approver.CUSTOMER)
    (undoing,) = (await desk.compensate()).undoings
    assert undoing.result.error_reason == "APPROVAL_REQUIRED"
    assert len(desk.provider.keys) == 1
