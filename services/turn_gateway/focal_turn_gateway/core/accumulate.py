"""How long the turn waits after a message: what is known of the customer, and what the policy makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from focal_turn_gateway import errors
from focal_turn_gateway.domain.accumulation import Rhythm, Situation, Window
from focal_turn_gateway.domain.messages import Submission
from focal_turn_gateway.ports.accumulation import AccumulationPolicy, ChannelBases, Rhythms


@dataclass(frozen=True, slots=True)
class Accumulate:
    """`bases` gives what the channel usually needs, `policy` what this message needs."""

    bases: ChannelBases
    policy: AccumulationPolicy
    rhythms: Rhythms

    async def window(self, submission: Submission) -> Window:
        """The pause after this message, if it is the latest. Raises StoreUnavailable."""
        address = submission.address
        base_ms = await self.bases.base_ms(submission.tenant_id, address.agent_id, address.channel)
        rhythm = await self._rhythm(submission) if self.policy.reads_rhythm(base_ms) else Rhythm()
        return self.policy.window(Situation(submission.content.text, base_ms, rhythm))

    async def _rhythm(self, submission: Submission) -> Rhythm:
        """Not knowing the customer costs a worse window, not the message."""
        try:
            return await self.rhythms.rhythm(submission)
        except errors.StoreUnavailable:
            return Rhythm()
