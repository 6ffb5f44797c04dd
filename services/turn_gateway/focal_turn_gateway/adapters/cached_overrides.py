"""Overrides of channel policies as this process knows them; a change anywhere empties the tenant's."""

from __future__ import annotations

from collections.abc import Sequence

import cachetools

from focal_turn_gateway.adapters.pubsub import PubSub
from focal_turn_gateway.domain.channels import Layer, Override, Scope
from focal_turn_gateway.ports.channels import ChannelOverrides

CHANNEL = "turns:channel_policies"


class CachedOverrides:
    """`ports.ChannelOverrides` over another one.

    `agents` bounds how many agents are remembered, `fresh_s` for how many seconds: pub/sub may lose the
    word of a change, and this is how long it then goes unnoticed.
    """

    def __init__(self, stored: ChannelOverrides, pubsub: PubSub, *, agents: int, fresh_s: float) -> None:
        self._stored = stored
        self._pubsub = pubsub
        self._known: cachetools.TTLCache[tuple[str, str], tuple[Layer, ...]] = cachetools.TTLCache(
            agents, fresh_s
        )
        self._changes = 0
        pubsub.subscribe(CHANNEL, lambda payload: self._forget(payload.decode(errors="replace")))

    async def layers(self, tenant_id: str, agent_id: str) -> tuple[Layer, ...]:
        """What is remembered, else what is stored. Raises StoreUnavailable."""
        key = (tenant_id, agent_id)
        if (known := self._known.get(key)) is not None:
            return known
        changes = self._changes
        found = await self._stored.layers(tenant_id, agent_id)
        # What was read while something changed may be from before the change.
        if changes == self._changes:
            self._known[key] = found
        return found

    async def put(self, tenant_id: str, layer: Layer, request_id: str) -> Override:
        """Store, forget, and tell the other gateways."""
        stands = await self._stored.put(tenant_id, layer, request_id)
        self._changed(tenant_id)
        return stands

    async def delete(self, tenant_id: str, scope: Scope, names: Sequence[str], request_id: str) -> Override:
        """Delete, forget, and tell the other gateways."""
        left = await self._stored.delete(tenant_id, scope, names, request_id)
        self._changed(tenant_id)
        return left

    def _changed(self, tenant_id: str) -> None:
        self._forget(tenant_id)
        self._pubsub.publish(CHANNEL, tenant_id.encode())

    def _forget(self, tenant_id: str) -> None:
        self._changes += 1
        for key in [key for key in self._known if key[0] == tenant_id]:
            self._known.pop(key, None)
