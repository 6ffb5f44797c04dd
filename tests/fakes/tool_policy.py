"""In-memory twins of the ports of the tool policy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from focal_toolbox import errors
from focal_toolbox.domain.tool_rules import Decision, Facts, Rule, Ruling


@dataclass
class FixedPolicy:
    """A ToolPolicy that says the same of every call, raises what it is given, or never answers."""

    ruling: Ruling | Exception | None = field(default_factory=lambda: Ruling(Decision.ALLOW))
    asked: list[Facts] = field(default_factory=list)

    async def decide(self, facts: Facts) -> Ruling:
        self.asked.append(facts)
        if self.ruling is None:
            await asyncio.Event().wait()
        if isinstance(self.ruling, Exception):
            raise self.ruling
        assert self.ruling is not None
        return self.ruling


@dataclass
class CountingDecisions:
    """A DecisionMeter that remembers."""

    decisions: list[Decision | None] = field(default_factory=list)

    def decided(self, tenant_id: str, decision: Decision | None, seconds: float) -> None:
        self.decisions.append(decision)


@dataclass
class MemoryToolRules:
    """ToolRules of all tenants; `away` raises LedgerAway, `reads` counts looks at all of a tenant's."""

    rules: dict[tuple[str, str], Rule] = field(default_factory=dict)
    away: bool = False
    reads: int = 0

    async def all(self, tenant_id: str) -> Sequence[Rule]:
        self.reads += 1
        if self.away:
            raise errors.LedgerAway
        return [rule for (tenant, _), rule in self.rules.items() if tenant == tenant_id]

    async def page(self, tenant_id: str, after: tuple[int, str] | None, limit: int) -> Sequence[Rule]:
        ordered = sorted(await self.all(tenant_id), key=lambda rule: (rule.position, rule.rule_id))
        return [rule for rule in ordered if after is None or (rule.position, rule.rule_id) > after][:limit]

    async def put(self, tenant_id: str, rule: Rule, request_id: str) -> Rule:
        self.rules[tenant_id, rule.rule_id] = rule
        return rule

    async def delete(self, tenant_id: str, rule_id: str, request_id: str) -> None:
        if self.rules.pop((tenant_id, rule_id), None) is None:
            raise errors.PolicyRuleNotFound(rule_id)
