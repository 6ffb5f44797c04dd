"""Channels and their policies to protobuf and back."""

from __future__ import annotations

from typing import Any, cast

from focal.turn.v1 import channel_pb2, event_pb2
from focal_turn_gateway.codecs import values
from focal_turn_gateway.domain.channels import (
    POLICY_FIELDS,
    Capability,
    Channel,
    Layer,
    Override,
    Policy,
    Scope,
)
from focal_turn_gateway.domain.turns import SupersedeAction

_SUPERSEDE = "supersede_default"


def channel_to_proto(channel: Channel, policy: Policy, aliases: list[str]) -> channel_pb2.Channel:
    """A channel with its resolved policy."""
    return channel_pb2.Channel(
        name=channel.name,
        aliases=aliases,
        capability=_capability_to_proto(channel.capability),
        policy=_policy_to_proto({name: getattr(policy, name) for name in POLICY_FIELDS}),
    )


def layer_to_proto(layer: Layer) -> channel_pb2.ChannelPolicyOverride:
    """An override with its scope."""
    return channel_pb2.ChannelPolicyOverride(
        agent_id=layer.scope.agent_id,
        channel=layer.scope.channel,
        policy=_policy_to_proto(layer.override.set_fields()),
    )


def layer_from_proto(layer: channel_pb2.ChannelPolicyOverride) -> Layer:
    """An override with its scope, unchecked; UNSPECIFIED sets nothing."""
    policy = layer.policy
    found: dict[str, Any] = {
        name: getattr(policy, name)
        for name in POLICY_FIELDS
        if name != _SUPERSEDE and policy.HasField(cast("Any", name))
    }
    action = values.from_enum(event_pb2.SupersedeAction, policy.supersede_default)
    if action != "UNSPECIFIED":
        found[_SUPERSEDE] = SupersedeAction(action)
    return Layer(Scope(layer.agent_id, layer.channel), Override(**found))


def _policy_to_proto(fields: dict[str, Any]) -> channel_pb2.ChannelPolicy:
    action = fields.pop(_SUPERSEDE, None)
    encoded = channel_pb2.ChannelPolicy(**fields)
    if action is not None:
        encoded.supersede_default = values.to_enum(event_pb2.SupersedeAction, action.value)
    return encoded


def _capability_to_proto(capability: Capability) -> channel_pb2.ChannelCapability:
    return channel_pb2.ChannelCapability(
        max_chars=capability.max_chars,
        markup=capability.markup.value,
        rich_media=capability.rich_media,
        content_types=capability.content_types,
        delivery_receipts=capability.delivery_receipts,
        read_receipts=capability.read_receipts,
        typing=capability.typing,
        outbound=capability.outbound,
        fallback=capability.fallback,
        user_ids=capability.user_ids.value,
        verified_ids=capability.verified_ids,
    )
