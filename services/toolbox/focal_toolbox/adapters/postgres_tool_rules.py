"""The rules of tenants' tool policies in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from focal_kernel import canonical_json, ids
from focal_toolbox import errors
from focal_toolbox.adapters.reaching import away
from focal_toolbox.domain.confirmation import Approver
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.tool_rules import Decision, Rule

_ALL = "SELECT * FROM effects.policy_rules WHERE tenant_id = $1"

_PAGE = """
    SELECT * FROM effects.policy_rules
    WHERE tenant_id = $1 AND ($2::integer IS NULL OR (position, rule_id) > ($2, $3))
    ORDER BY position, rule_id LIMIT $4
"""

_PUT = """
    SELECT outcome, (rule).*
    FROM effects.put_policy_rule($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

_DELETE = "SELECT effects.delete_policy_rule($1, $2, $3, $4)"


class PostgresToolRules:
    """`ports.tool_policy.ToolRules`; `most` is how many rules a tenant may have."""

    def __init__(self, pool: asyncpg.Pool, most: int) -> None:
        self._pool = pool
        self._most = most

    async def all(self, tenant_id: str) -> Sequence[Rule]:
        with away():
            rows = await self._pool.fetch(_ALL, tenant_id)
        return [_rule(row) for row in rows]

    async def page(self, tenant_id: str, after: tuple[int, str] | None, limit: int) -> Sequence[Rule]:
        position, rule_id = after or (None, "")
        with away():
            rows = await self._pool.fetch(_PAGE, tenant_id, position, rule_id, limit)
        return [_rule(row) for row in rows]

    async def put(self, tenant_id: str, rule: Rule, request_id: str) -> Rule:
        values = (
            rule.rule_id,
            rule.position,
            rule.tools,
            rule.agents,
            sorted(rule.side_effects),
            rule.condition,
            rule.decision.value,
            rule.approver.value,
            rule.reason,
        )
        content = ids.digest("put", canonical_json.dumps(values))
        with away():
            row: Any = await self._pool.fetchrow(
                _PUT, tenant_id, *values, rule.updated_by, request_id, content, self._most
            )
        match row["outcome"]:
            case "REUSED":
                raise errors.RequestIdReused
            case "FULL":
                raise errors.PolicyFull(self._most)
        return _rule(row)

    async def delete(self, tenant_id: str, rule_id: str, request_id: str) -> None:
        content = ids.digest("delete", rule_id)
        with away():
            outcome = await self._pool.fetchval(_DELETE, tenant_id, rule_id, request_id, content)
        match outcome:
            case "REUSED":
                raise errors.RequestIdReused
            case "NOT_FOUND":
                raise errors.PolicyRuleNotFound(rule_id)


def _rule(row: Any) -> Rule:
    return Rule(
        rule_id=row["rule_id"],
        position=row["position"],
        decision=Decision(row["decision"]),
        tools=row["tools"],
        agents=row["agents"],
        side_effects=frozenset(map(Policy, row["side_effects"])),
        condition=row["condition"],
        approver=Approver(row["approver"]),
        reason=row["reason"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )
