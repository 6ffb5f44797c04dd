"""How long the turn waits after a message: what is known of the customer, and what the policy makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from focal_turn_gateway.domain.accumulation import Situation, Window
from focal_turn_gateway.domain.messages import Submission
from focal_turn_gateway.ports import AccumulationPolicy, ChannelBases


@dataclass(frozen=True, slots=True)
class Accumulate:
    """`bases` gives what the channel usually needs, `policy` what this message needs."""

    bases: ChannelBases
    policy: AccumulationPolicy

    async def window(self, submission: Submission) -> Window:
        """The pause after this message, if it is the latest. Raises StoreUnavailable."""
        address = submission.address
        base_ms = await self.bases.base_ms(submission.tenant_id, address.agent_id, address.channel)
        return self.policy.window(Situation(submission.content.text, base_ms))
