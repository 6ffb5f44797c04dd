"""The parts that a committed reply is sent in, as the policy of its channel wants them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from focal_service_kit import logging
from focal_turn_gateway.core.channel_policies import ChannelPolicies
from focal_turn_gateway.domain.channels import Channel, Markup, Policy
from focal_turn_gateway.domain.reply_parts import FormatReply, Part
from focal_turn_gateway.domain.turns import Attempt, Turn

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
        policy = await self.policies.policy(attempt.tenant_id, attempt.agent_id, attempt.channel)
        channel = self.policies.registry.channel(attempt.channel)
        if len(turn.reply_text) > self.thread_chars:
            parts = await asyncio.to_thread(self._parts, turn, channel, policy)
        else:
            parts = self._parts(turn, channel, policy)
        return Formatted(tuple(parts), policy)

    def _parts(self, turn: Turn, channel: Channel, policy: Policy) -> list[Part]:
        try:
            return self.formatting(turn.reply, channel, policy)
        except Exception as error:  # noqa: BLE001
            # A text that the parser cannot take must not keep its turn from committing: it is sent as it is.
            _log.error("reply not formatted", turn=turn.turn_id, channel=channel.name, cause=repr(error))
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
                for segment in turn.reply
            ]
