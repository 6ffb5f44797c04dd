"""The rules of a tenant's tool policy, and what they say of a call: the first that matches decides."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from focal_toolbox.domain.conditions import Condition, NotJudged
from focal_toolbox.domain.confirmation import Approver
from focal_toolbox.domain.policy import Policy


class Decision(enum.StrEnum):
    """What is said of a call."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    NEED_APPROVAL = "NEED_APPROVAL"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a call before it is made; `side_effect` is its tool's."""

    tenant_id: str
    agent_id: str
    session_id: str
    tool_name: str
    side_effect: Policy
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision, by whose rule (empty: by none), why, and who has to say yes when it is NEED_APPROVAL.

    `unjudged` are the rules passed over because their conditions could not be evaluated.
    """

    decision: Decision
    rule_id: str = ""
    reason: str = ""
    approver: Approver = Approver.OPERATOR
    unjudged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as a tenant wrote it. Empty patterns, side effects and condition match everything."""

    rule_id: str
    position: int
    decision: Decision
    tools: str = ""
    agents: str = ""
    side_effects: frozenset[Policy] = frozenset()
    condition: str = ""
    approver: Approver = Approver.OPERATOR
    reason: str = ""
    updated_at: datetime | None = None
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What one rule made of a call, and why."""

    rule: Rule
    matched: bool
    why: str
    judged: bool = True


class Rules:
    """A tenant's rules, ready to be looked at; BadCondition when one of theirs does not compile.

    `otherwise` holds for calls that no rule matches.
    """

    def __init__(self, rules: Sequence[Rule], otherwise: Decision) -> None:
        self._otherwise = otherwise
        self._rules = [_Ready(rule) for rule in sorted(rules, key=lambda rule: (rule.position, rule.rule_id))]

    def decide(self, facts: Facts) -> Ruling:
        """The ruling of the first rule that matches."""
        return self.explain(facts)[0]

    def explain(self, facts: Facts) -> tuple[Ruling, Sequence[Look]]:
        """The ruling, and what the rules up to the one that decided made of the call."""
        looks: list[Look] = []
        for ready in self._rules:
            looks.append(ready.look(facts))
            if looks[-1].matched:
                break
        unjudged = tuple(look.rule.rule_id for look in looks if not look.judged)
        if looks and looks[-1].matched:
            rule = looks[-1].rule
            return Ruling(rule.decision, rule.rule_id, rule.reason, rule.approver, unjudged), looks
        return Ruling(self._otherwise, unjudged=unjudged), looks


class _Ready:
    """A rule with its patterns and condition compiled."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._tools = _pattern(rule.tools)
        self._agents = _pattern(rule.agents)
        self._condition = Condition(rule.condition) if rule.condition else None

    def look(self, facts: Facts) -> Look:
        if elsewhere := self._elsewhere(facts):
            return Look(self.rule, matched=False, why=elsewhere)
        if self._condition is None:
            return Look(self.rule, matched=True, why="it has no condition")
        try:
            holds = self._condition.holds(facts.arguments)
        except NotJudged as error:
            why = f"its condition cannot be evaluated: {error}"
            return Look(self.rule, matched=False, why=why, judged=False)
        return Look(self.rule, holds, "its condition holds" if holds else "its condition does not hold")

    def _elsewhere(self, facts: Facts) -> str:
        """Why the rule is not about such a call, empty when it is."""
        if not self._tools.fullmatch(facts.tool_name):
            return "it is about other tools"
        if not self._agents.fullmatch(facts.agent_id):
            return "it is about other agents"
        if self.rule.side_effects and facts.side_effect not in self.rule.side_effects:
            return f"it is not about {facts.side_effect} tools"
        return ""


def _pattern(text: str) -> re.Pattern[str]:
    """A name in which `*` stands for any characters; empty for all."""
    return re.compile(".*".join(map(re.escape, (text or "*").split("*"))), re.DOTALL)
