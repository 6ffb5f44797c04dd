"""The overrides of channel policies in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from focal_turn_gateway.core.channel_policies import ChannelPolicies
from focal_turn_gateway.core.reply_format import ReplyFormat
from focal_turn_gateway.domain import channel_catalogue, markdown
from focal_turn_gateway.domain.channels import Layer, Override, Scope
from focal_turn_gateway.domain.reply_parts import FormatReply
from tests.fakes.turn_gateway import Directory


class Overrides:
    """`ChannelOverrides` of one tenant; `reads` counts the looks at them."""

    def __init__(self, *layers: Layer) -> None:
        self.stored = {layer.scope: layer.override for layer in layers}
        self.reads = 0

    async def layers(self, tenant_id: str, agent_id: str) -> tuple[Layer, ...]:
        self.reads += 1
        found = self.stored.items()
        return tuple(Layer(scope, each) for scope, each in found if scope.agent_id in {"", agent_id})

    async def put(self, tenant_id: str, layer: Layer, request_id: str) -> Override:
        before = self.stored.get(layer.scope, Override())
        self.stored[layer.scope] = replace(before, **layer.override.set_fields())  # type: ignore[arg-type]
        return self.stored[layer.scope]

    async def delete(self, tenant_id: str, scope: Scope, names: Sequence[str], request_id: str) -> Override:
        before = self.stored.pop(scope, Override())
        left = replace(before, **dict.fromkeys(names)) if names else Override()
        if left != Override():
            self.stored[scope] = left
        return left


def channel_policies(*layers: Layer) -> ChannelPolicies:
    """Policies over the catalogue, for the agents of `Directory`."""
    return ChannelPolicies(channel_catalogue.registry(), Overrides(*layers), Directory())


def reply_format(*layers: Layer) -> ReplyFormat:
    """Formats replies by those policies."""
    return ReplyFormat(channel_policies(*layers), FormatReply(markdown.reader()), 2000)
