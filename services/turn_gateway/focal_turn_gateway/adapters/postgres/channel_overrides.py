"""Overrides of channel policies in the schema `turns`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg
from pydantic import TypeAdapter

from focal_kernel import ids
from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.channels import POLICY_FIELDS, Layer, Override, Scope

_LAYERS = """
SELECT agent_id, channel, fields FROM turns.channel_policies
WHERE tenant_id = $1 AND agent_id = ANY($2)
"""
_PUT = "SELECT turns.put_channel_policy($1, $2, $3, $4, $5, $6)"
_DELETE = "SELECT turns.delete_channel_policy($1, $2, $3, $4, $5, $6)"
_OVERRIDE = TypeAdapter(Override)


class PostgresChannelOverrides:
    """`ports.ChannelOverrides`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def layers(self, tenant_id: str, agent_id: str) -> tuple[Layer, ...]:
        """Overrides for all agents of the tenant and for this one. Raises StoreUnavailable."""
        with failures.translated():
            rows = await self._pool.fetch(_LAYERS, tenant_id, ["", agent_id])
        return tuple(Layer(Scope(row["agent_id"], row["channel"]), _override(row["fields"])) for row in rows)

    async def put(self, tenant_id: str, layer: Layer, request_id: str) -> Override:
        """Set fields; the override as it stands. Raises RequestIdReused, StoreUnavailable."""
        fields = json.dumps(layer.override.set_fields(), sort_keys=True)
        scope = layer.scope
        content = ids.digest(scope.agent_id, scope.channel, fields)
        return await self._change(_PUT, tenant_id, scope, fields, request_id, content)

    async def delete(self, tenant_id: str, scope: Scope, names: Sequence[str], request_id: str) -> Override:
        """Take fields out, all when none is named; what is left. Raises RequestIdReused, StoreUnavailable."""
        content = ids.digest(scope.agent_id, scope.channel, *sorted(names))
        return await self._change(_DELETE, tenant_id, scope, list(names), request_id, content)

    async def _change(
        self, statement: str, tenant_id: str, scope: Scope, change: Any, request_id: str, content: str
    ) -> Override:
        with failures.translated():
            left = await self._pool.fetchval(
                statement, tenant_id, scope.agent_id, scope.channel, change, request_id, content
            )
        return _override(left)


def _override(fields: str) -> Override:
    """Fields that a newer release wrote are left out."""
    known = {name: value for name, value in json.loads(fields).items() if name in POLICY_FIELDS}
    return _OVERRIDE.validate_python(known)
