"""Rules and their order. Seen to fail: with the rules unsorted, with `search` for `fullmatch`, and with a
condition that cannot be judged taken for one that holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.tool_rules import Decision, Facts, Rule, Rules

REFUND = Facts("acme", "returns_desk", "ses_1", "refund_order", Policy.IRREVERSIBLE, {"amount": 150})
DENY = Rule("no", 10, Decision.DENY, reason="never")


def decided(*rules: Rule, facts: Facts = REFUND, otherwise: Decision = Decision.ALLOW) -> str:
    ruling = Rules(rules, otherwise).decide(facts)
    return f"{ruling.decision} {ruling.rule_id}".strip()


def test_the_first_rule_that_matches_decides_whatever_order_they_come_in() -> None:
    allow = Rule("yes", 5, Decision.ALLOW)
    assert decided(DENY, allow) == decided(allow, DENY) == "ALLOW yes"
    assert decided(DENY, replace(allow, position=11)) == "DENY no"


def test_rules_at_one_position_go_by_their_ids() -> None:
    assert decided(DENY, Rule("a", 10, Decision.ALLOW)) == "ALLOW a"


def test_without_a_matching_rule_the_default_holds() -> None:
    other = replace(DENY, tools="other")
    assert decided(other) == "ALLOW"
    assert decided(other, otherwise=Decision.DENY) == "DENY"


@pytest.mark.parametrize(
    ("changes", "matches"),
    [
        ({}, True),
        ({"tools": "refund_order"}, True),
        ({"tools": "refund_*"}, True),
        ({"tools": "*_order"}, True),
        ({"tools": "refund"}, False),
        ({"tools": "order"}, False),
        ({"tools": "Refund_*"}, False),
        ({"agents": "returns_*"}, True),
        ({"agents": "sales_*"}, False),
        ({"side_effects": frozenset({Policy.IRREVERSIBLE, Policy.PURE})}, True),
        ({"side_effects": frozenset({Policy.PURE})}, False),
        ({"condition": "amount > `100`"}, True),
        ({"condition": "amount > `200`"}, False),
        ({"condition": "iban"}, False),
        ({"condition": "contains(iban, 'DE')"}, False),
        ({"tools": "refund_*", "agents": "sales_*", "condition": "amount > `100`"}, False),
    ],
)
def test_a_rule_matches_when_everything_it_names_does(changes: dict[str, object], matches: bool) -> None:
    assert decided(replace(DENY, **changes)) == ("DENY no" if matches else "ALLOW")  # type: ignore[arg-type]


def test_an_explanation_says_what_each_rule_made_of_the_call_up_to_the_one_that_decided() -> None:
    rules = (
        Rule("sales", 1, Decision.ALLOW, agents="sales_*"),
        Rule("foreign", 2, Decision.DENY, condition="contains(iban, 'DE')"),
        Rule("small", 3, Decision.ALLOW, condition="amount <= `100`"),
        DENY,
        Rule("late", 11, Decision.ALLOW),
    )
    ruling, looks = Rules(rules, Decision.ALLOW).explain(REFUND)
    assert (ruling.decision, ruling.reason) == (Decision.DENY, "never")
    assert [(look.rule.rule_id, look.matched) for look in looks] == [
        ("sales", False),
        ("foreign", False),
        ("small", False),
        ("no", True),
    ]
    assert "cannot be evaluated" in looks[1].why
    assert ruling.unjudged == ("foreign",)
