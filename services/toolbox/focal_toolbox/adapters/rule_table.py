"""The built-in ToolPolicy: a tenant's rules from the store, kept for a moment."""

from __future__ import annotations

import cachetools

from focal_kernel.clock import Clock
from focal_toolbox.adapters.once import Once
from focal_toolbox.domain.tool_rules import Decision, Facts, Rules, Ruling
from focal_toolbox.ports.tool_policy import ToolRules


class RuleTable:
    """`kept_s`: seconds that rules are trusted, `tenants` whose rules are kept at most; `otherwise` holds
    for calls that no rule matches.
    """

    def __init__(
        self, rules: ToolRules, otherwise: Decision, clock: Clock, kept_s: float, tenants: int
    ) -> None:
        self._rules = rules
        self._otherwise = otherwise
        self._kept: Once[Rules] = Once(cachetools.TTLCache(tenants, kept_s, clock.monotonic))

    async def decide(self, facts: Facts) -> Ruling:
        """Raises Unavailable while the rules are not kept and the store is away."""
        rules = await self._kept.get(facts.tenant_id, lambda: self._read(facts.tenant_id))
        return rules.decide(facts)

    async def _read(self, tenant_id: str) -> Rules:
        return Rules(await self._rules.all(tenant_id), self._otherwise)
