"""`focal.turn.v1.ChannelService`."""

from __future__ import annotations

from typing import Any

import grpc.aio

from focal.turn.v1 import channel_service_pb2 as pb
from focal.turn.v1 import channel_service_pb2_grpc as api
from focal_service_kit import identity
from focal_turn_gateway.codecs import channels
from focal_turn_gateway.core.channel_policies import ChannelPolicies
from focal_turn_gateway.domain.channels import Scope

Context = grpc.aio.ServicerContext[Any, Any]
_WRITERS = ("admin",)


class ChannelServicer(api.ChannelServiceServicer):
    """Shows channels and changes their policies."""

    def __init__(self, policies: ChannelPolicies) -> None:
        self._policies = policies

    async def ListChannels(  # noqa: N802
        self, request: pb.ListChannelsRequest, context: Context
    ) -> pb.ListChannelsResponse:
        """All channels, resolved for an agent."""
        tenant_id = identity.tenant(request.tenant_id)
        found, layers = await self._policies.resolved(tenant_id, request.agent_id)
        aliases = self._policies.registry.aliases
        return pb.ListChannelsResponse(
            channels=[
                channels.channel_to_proto(
                    channel, policy, sorted(alias for alias, name in aliases.items() if name == channel.name)
                )
                for channel, policy in found
            ],
            overrides=[channels.layer_to_proto(layer) for layer in layers],
        )

    async def PutChannelPolicy(  # noqa: N802
        self, request: pb.PutChannelPolicyRequest, context: Context
    ) -> pb.PutChannelPolicyResponse:
        """Set fields of an override."""
        identity.require_role(*_WRITERS)
        tenant_id = identity.tenant(request.tenant_id)
        layer = channels.layer_from_proto(request.override)
        stands = await self._policies.put(tenant_id, layer, request.request_id)
        return pb.PutChannelPolicyResponse(override=channels.layer_to_proto(stands))

    async def DeleteChannelPolicy(  # noqa: N802
        self, request: pb.DeleteChannelPolicyRequest, context: Context
    ) -> pb.DeleteChannelPolicyResponse:
        """Take fields out of an override."""
        identity.require_role(*_WRITERS)
        tenant_id = identity.tenant(request.tenant_id)
        scope = Scope(request.agent_id, request.channel)
        left = await self._policies.delete(tenant_id, scope, list(request.fields), request.request_id)
        return pb.DeleteChannelPolicyResponse(override=channels.layer_to_proto(left))
