"""Look at who writes before anything is stored: blocked customers, and more messages than were booked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from focal_turn_gateway import errors
from focal_turn_gateway.domain.messages import Submission
from focal_turn_gateway.domain.rates import Allowance, Rates, Verdict
from focal_turn_gateway.domain.tiers import Tier
from focal_turn_gateway.ports.messages import RateWindows, Tiers


@dataclass(frozen=True, slots=True)
class Admit:
    """`rates_of` has the limits of a tier, None for a tenant whose tier nobody knows; `crowds` knows who has
    too much waiting here already, and is told to come back after `crowded_retry_s`.
    """

    tiers: Tiers
    windows: RateWindows
    rates_of: Callable[[Tier | None], Rates]
    crowds: Callable[[str], bool] = lambda _: False
    crowded_retry_s: float = 1.0

    async def __call__(self, submission: Submission) -> Allowance | None:
        """What is left of the tenant's window, None when it was not counted. Raises Crowded,
        CustomerBlocked, RateLimited.
        """
        if self.crowds(submission.tenant_id):
            raise errors.Crowded(self.crowded_retry_s)
        tier = await self.tiers.tier(submission.tenant_id, submission.tier)
        allowance = await self.windows.admit(
            submission.tenant_id, submission.channel_user_hash, self.rates_of(tier)
        )
        if allowance is None or allowance.verdict is Verdict.ADMITTED:
            return allowance
        if allowance.verdict is Verdict.BLOCKED:
            raise errors.CustomerBlocked
        raise errors.RateLimited(
            allowance.verdict.value.lower(),
            allowance.limit,
            reset_s=allowance.reset_s,
            retry_after_s=allowance.retry_after_s,
        )
