"""The built-in decider. Seen to fail: with rules kept for ever, and with a failed look taken for no rules."""

from __future__ import annotations

import asyncio

import pytest

from focal_kernel.clock import ManualClock
from focal_toolbox import errors
from focal_toolbox.adapters.rule_table import RuleTable
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.tool_rules import Decision, Facts, Rule
from tests.fakes.tool_policy import MemoryToolRules

FACTS = Facts("acme", "returns_desk", "ses_1", "refund", Policy.IRREVERSIBLE, {})
DENY = Rule("no", 1, Decision.DENY)


def table(rules: MemoryToolRules, clock: ManualClock | None = None) -> RuleTable:
    return RuleTable(rules, Decision.ALLOW, clock or ManualClock(), kept_s=2, tenants=8)


async def test_a_change_counts_within_two_seconds_and_rules_are_not_read_for_each_call() -> None:
    rules, clock = MemoryToolRules(), ManualClock()
    decider = table(rules, clock)
    assert (await decider.decide(FACTS)).decision is Decision.ALLOW
    await rules.put("acme", DENY, "")
    clock.advance(1.9)
    assert (await decider.decide(FACTS)).decision is Decision.ALLOW
    assert rules.reads == 1
    clock.advance(0.1)
    assert (await decider.decide(FACTS)).decision is Decision.DENY


async def test_many_calls_at_once_read_the_rules_once() -> None:
    rules = MemoryToolRules()
    decider = table(rules)
    await asyncio.gather(*(decider.decide(FACTS) for _ in range(20)))
    assert rules.reads == 1


async def test_without_the_store_there_is_no_decision_once_the_rules_are_old() -> None:
    rules, clock = MemoryToolRules(), ManualClock()
    decider = table(rules, clock)
    await decider.decide(FACTS)
    rules.away = True
    await decider.decide(FACTS)
    clock.advance(2)
    with pytest.raises(errors.LedgerAway):
        await decider.decide(FACTS)


async def test_a_tenants_rules_are_its_own() -> None:
    rules = MemoryToolRules()
    await rules.put("umbrella", DENY, "")
    assert (await table(rules).decide(FACTS)).decision is Decision.ALLOW
