"""The parts that a committed reply is sent in, as the policy of its channel wants them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from focal_service_kit import logging
from focal_turn_gateway.core.channel_policies import ChannelPolicies
from focal_turn_gateway.domain.channels import Channel, Markup, Policy
from focal_turn_gateway.domain.reply_parts import FormatReply, Part
from focal_turn_gateway.domain.turns import Attempt, ReplySegment, Turn

_log = logging.get("reply")


@dataclass(frozen=True, slots=True)
class Formatted:
    """The parts, and the policy that the adapter sends them by."""

    parts: tuple[Part, ...]
    policy: Policy


@dataclass(frozen=True, slots=True)
class ReplyFormat:
    """`formatting` writes the parts, in a thread for replies of more than `thread_chars` characters: reading
    them would keep the event loop from everything else.
    """

    policies: ChannelPolicies
    formatting: FormatReply
    thread_chars: int

    async def __call__(self, attempt: Attempt, turn: Turn) -> Formatted:
        """The reply's parts. Raises StoreUnavailable."""
        return await self._formatted(attempt.tenant_id, attempt.agent_id, attempt.channel, turn.reply)

    async def segment(self, tenant_id: str, agent_id: str, channel: str, segment: ReplySegment) -> Formatted:
        """The parts of one segment on a channel. Raises StoreUnavailable."""
        return await self._formatted(tenant_id, agent_id, channel, (segment,))

    async def _formatted(
        self, tenant_id: str, agent_id: str, channel_name: str, reply: tuple[ReplySegment, ...]
    ) -> Formatted:
        policy = await self.policies.policy(tenant_id, agent_id, channel_name)
        channel = self.policies.registry.channel(channel_name)
        if sum(len(segment.text) for segment in reply) > self.thread_chars:
            parts = await asyncio.to_thread(self._parts, reply, channel, policy)
        else:
            parts = self._parts(reply, channel, policy)
        return Formatted(tuple(parts), policy)

    def _parts(self, reply: tuple[ReplySegment, ...], channel: Channel, policy: Policy) -> list[Part]:
        try:
            return self.formatting(reply, channel, policy)
        except Exception as error:  # noqa: BLE001
            # A text that the parser cannot take must not keep its turn from committing: it is sent as it is.
            _log.error("reply not formatted", channel=channel.name, cause=repr(error))
            return [
                Part(
                    segment.index,
                    0,
                    1,
                    segment.text,
                    segment.content_type,
                    Markup.COMMONMARK,
                    structured_json=segment.structured_json,
                )
                for segment in reply
            ]


def shown(part: Part, policy: Policy) -> dict[str, Any]:
    """Members of an outbound envelope: what the part is, and how its adapter sends it."""
    return {
        "segment": part.segment,
        "part": part.index,
        "parts": part.count,
        "text": part.text,
        "html": part.html,
        "content_type": part.content_type,
        "markup": part.markup.value,
        "structured_json": part.structured_json,
        "natural_delay_ms": policy.natural_delay_ms,
        "max_messages_per_minute": policy.max_messages_per_minute,
        "typing_indicator": policy.typing_indicator,
    }
