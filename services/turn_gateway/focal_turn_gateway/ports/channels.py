"""What is known of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from focal_turn_gateway.domain.channels import Layer, Override, Scope


class ChannelOverrides(Protocol):
    """What tenants changed about how Focal behaves on channels."""

    async def layers(self, tenant_id: str, agent_id: str) -> tuple[Layer, ...]:
        """Overrides for all agents of the tenant and for this one. Raises StoreUnavailable."""

    async def put(self, tenant_id: str, layer: Layer, request_id: str) -> Override:
        """Set fields of an override; returns it as it stands. Raises RequestIdReused, StoreUnavailable."""

    async def delete(self, tenant_id: str, scope: Scope, names: Sequence[str], request_id: str) -> Override:
        """Take fields out, all when none is named; returns what is left. Raises RequestIdReused,
        StoreUnavailable.
        """
