"""How Focal behaves on a channel, for one agent of one tenant, and how that is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from focal_kernel import errors as kernel_errors
from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.domain.channels import (
    POLICY_FIELDS,
    Channel,
    Layer,
    Policy,
    Registry,
    Scope,
)
from focal_turn_gateway.domain.turns import Attempt, SupersedeAction
from focal_turn_gateway.ports.channels import ChannelOverrides
from focal_turn_gateway.ports.sessions import AgentDirectory


@dataclass(frozen=True, slots=True)
class ChannelPolicies:
    """Resolves platform → tenant → agent → channel; each layer replaces only the fields it sets."""

    registry: Registry
    overrides: ChannelOverrides
    agents: AgentDirectory

    async def policy(self, tenant_id: str, agent_id: str, channel: str) -> Policy:
        """The policy on a channel. Raises StoreUnavailable."""
        layers = await self.overrides.layers(tenant_id, agent_id)
        return self.registry.channel(channel).resolved(layers)

    async def base_ms(self, tenant_id: str, agent_id: str, channel: str) -> int:
        """The base pause of accumulation in milliseconds: `ports.ChannelBases`. Raises StoreUnavailable."""
        return (await self.policy(tenant_id, agent_id, channel)).window_ms

    async def supersede_default(self, attempt: Attempt) -> SupersedeAction | None:
        """What becomes of a message during the attempt that nobody judges. Raises StoreUnavailable."""
        policy = await self.policy(attempt.tenant_id, attempt.agent_id, attempt.channel)
        return policy.supersede_default

    async def resolved(
        self, tenant_id: str, agent_id: str
    ) -> tuple[list[tuple[Channel, Policy]], list[Layer]]:
        """All channels with their policies, and the layers in the order in which they apply.

        An empty agent leaves the layers of agents out. Raises InvalidArgument (INVALID_ID), NotFound
        (TENANT_NOT_FOUND, AGENT_NOT_FOUND), StoreUnavailable.
        """
        if agent_id:
            await self.agents.require(tenant_id, ids.check_id(agent_id, "agent_id"))
        found = await self.overrides.layers(tenant_id, agent_id)
        layers = sorted(found, key=lambda layer: (layer.scope.rank, layer.scope.channel))
        named = sorted(self.registry.channels.items())
        return [(channel, channel.resolved(layers)) for _, channel in named], layers

    async def put(self, tenant_id: str, layer: Layer, request_id: str) -> Layer:
        """Set fields of an override.

        Raises InvalidPolicy, UnknownChannel, InvalidArgument (INVALID_ID), NotFound (TENANT_NOT_FOUND,
        AGENT_NOT_FOUND), RequestIdReused, StoreUnavailable.
        """
        if not layer.override.checked().set_fields():
            raise errors.InvalidField("override.policy", "sets no field")
        scope = self._checked(layer.scope)
        if scope.agent_id:
            await self.agents.require(tenant_id, scope.agent_id)
        checked = Layer(scope, layer.override)
        return Layer(scope, await self.overrides.put(tenant_id, checked, _request_id(request_id)))

    async def delete(self, tenant_id: str, scope: Scope, names: Sequence[str], request_id: str) -> Layer:
        """Take fields, or all, out of an override.

        Raises InvalidPolicy, InvalidArgument (INVALID_ID), RequestIdReused, StoreUnavailable.
        """
        if unknown := sorted(set(names) - set(POLICY_FIELDS)):
            known = f"no field of a policy; those are {', '.join(POLICY_FIELDS)}"
            raise errors.InvalidPolicy(
                [kernel_errors.FieldViolation("fields", f"{name[:64]!r} is {known}") for name in unknown]
            )
        # A channel that is registered no more can still be taken out.
        scope = Scope(
            scope.agent_id and ids.check_id(scope.agent_id, "agent_id"),
            scope.channel
            and ids.check_id(self.registry.aliases.get(scope.channel, scope.channel), "channel"),
        )
        left = await self.overrides.delete(tenant_id, scope, names, _request_id(request_id))
        return Layer(scope, left)

    def _checked(self, scope: Scope) -> Scope:
        return Scope(
            scope.agent_id and ids.check_id(scope.agent_id, "override.agent_id"),
            scope.channel and self.registry.resolve(scope.channel),
        )


def _request_id(value: str) -> str:
    return ids.check_foreign_id(value, "request_id") if value else ""
