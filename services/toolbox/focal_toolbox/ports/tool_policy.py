"""Who decides about calls, and where the built-in decider's rules are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from focal_toolbox.domain.tool_rules import Decision, Facts, Rule, Ruling


class ToolPolicy(Protocol):
    """Decides about calls: the built-in table of rules, or an engine outside such as OPA."""

    async def decide(self, facts: Facts) -> Ruling:
        """The ruling on one call. Whatever it raises counts as a refusal."""


class ToolRules(Protocol):
    """Rules of tenants. Every call raises Unavailable while the store is away."""

    async def all(self, tenant_id: str) -> Sequence[Rule]:
        """A tenant's rules."""

    async def page(self, tenant_id: str, after: tuple[int, str] | None, limit: int) -> Sequence[Rule]:
        """Rules by position and id, those behind `after`."""

    async def put(self, tenant_id: str, rule: Rule, request_id: str) -> Rule:
        """Store a rule; raises PolicyFull, or RequestIdReused for an id that came with another one."""

    async def delete(self, tenant_id: str, rule_id: str, request_id: str) -> None:
        """Remove a rule; raises PolicyRuleNotFound or RequestIdReused."""


class DecisionMeter(Protocol):
    """Counts decisions."""

    def decided(self, tenant_id: str, decision: Decision | None, seconds: float) -> None:
        """A decision took `seconds`; None: there was none, so the call was refused."""
