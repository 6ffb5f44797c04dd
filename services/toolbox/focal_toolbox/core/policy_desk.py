"""A tenant's tool policy for those who keep it: its rules, and what they would say of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from focal_kernel.errors import FieldViolation
from focal_toolbox import errors
from focal_toolbox.core import arguments
from focal_toolbox.domain.conditions import BadCondition, Condition
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.tool_rules import Decision, Facts, Look, Rule, Rules, Ruling
from focal_toolbox.ports.catalogue import ToolCatalogue
from focal_toolbox.ports.tool_policy import ToolRules


@dataclass(frozen=True, slots=True)
class Page:
    """Rules in their order; `next_after` asks for the next page, None on the last."""

    rules: Sequence[Rule]
    next_after: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class Question:
    """A call that nobody makes. Without `side_effect` the agent's current bundle says what its tool does."""

    tenant_id: str
    agent_id: str
    tool_name: str
    arguments_json: str
    side_effect: Policy | None = None
    candidate: Rule | None = None


class PolicyDesk:
    """`otherwise` holds for calls that no rule matches."""

    def __init__(
        self, rules: ToolRules, catalogue: ToolCatalogue, otherwise: Decision, max_arguments_bytes: int
    ) -> None:
        self._rules = rules
        self._catalogue = catalogue
        self.otherwise = otherwise
        self._max_arguments_bytes = max_arguments_bytes

    async def page(self, tenant_id: str, after: tuple[int, str] | None, limit: int) -> Page:
        """One page; one row more is read to know whether another page follows."""
        found = await self._rules.page(tenant_id, after, limit + 1)
        shown = found[:limit]
        last = shown[-1] if len(found) > limit else None
        return Page(shown, (last.position, last.rule_id) if last else None)

    async def put(self, tenant_id: str, rule: Rule, request_id: str) -> Rule:
        """Store a rule; BadRequest when its condition is none."""
        _check(rule, "rule.condition")
        return await self._rules.put(tenant_id, rule, request_id)

    async def delete(self, tenant_id: str, rule_id: str, request_id: str) -> None:
        """Remove a rule."""
        await self._rules.delete(tenant_id, rule_id, request_id)

    async def explain(self, question: Question) -> tuple[Ruling, Sequence[Look]]:
        """What the rules as they are stored now say; BadRequest for arguments that are no JSON object,
        NotFound for an unknown agent or tool.
        """
        given = arguments.read(question.arguments_json, self._max_arguments_bytes)
        rules = list(await self._rules.all(question.tenant_id))
        if (candidate := question.candidate) is not None:
            _check(candidate, "candidate.condition")
            rules = [rule for rule in rules if rule.rule_id != candidate.rule_id] + [candidate]
        facts = Facts(
            tenant_id=question.tenant_id,
            agent_id=question.agent_id,
            session_id="",
            tool_name=question.tool_name,
            side_effect=question.side_effect or await self._side_effect(question),
            arguments=given.values,
        )
        return Rules(rules, self.otherwise).explain(facts)

    async def _side_effect(self, question: Question) -> Policy:
        tools = await self._catalogue.tools(question.tenant_id, question.agent_id, 0)
        tool = tools.get(question.tool_name)
        if tool is None:
            raise errors.ToolNotFound(question.agent_id, question.tool_name)
        return tool.policy


def _check(rule: Rule, field: str) -> None:
    try:
        if rule.condition:
            Condition(rule.condition)
    except BadCondition as error:
        raise errors.BadRequest(FieldViolation(field, f"is no JMESPath condition: {error}")) from None
