"""Results that are reported later, and the turns that tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from focal_toolbox.domain.effect import Effect
from focal_toolbox.domain.report import FollowUp, Report, Share


class Reports(Protocol):
    """What providers report about effects they have taken on. Every call raises Unavailable while the
    ledger is away.
    """

    async def accept(self, effect: Effect, more_requests: int, awaited_s: float) -> Effect:
        """Record that the provider has taken the request on and a call waits `awaited_s` for the report.

        Returns the effect as it then stands: the report may have come first.
        """

    async def wait(self, effect: Effect, awaited_s: float) -> None:
        """Record that another call of this process waits for the report, for `awaited_s` seconds."""

    async def take(self, effect: Effect) -> tuple[Share, Effect]:
        """End a wait: whose the report is, and the effect as it stands."""

    async def report(self, token_hash: str, report: Report) -> Effect | None:
        """Record a report and that a follow-up turn is due unless a call takes it; None when the token is not
        good for it. A repeat changes nothing and returns the effect as it stands.
        """

    async def doubt_unreported(self) -> int:
        """Turn every effect that was not reported in time IN_DOUBT; returns how many there were."""


class FollowUps(Protocol):
    """Turns that are to be opened. Every call raises Unavailable while the ledger is away."""

    async def claim(self, limit: int, claim_s: float) -> Sequence[FollowUp]:
        """Up to `limit` that are due, held by this process for `claim_s` seconds."""

    async def done(self, effect_id: str) -> None:
        """It was opened, or never can be."""

    async def again(self, effect_id: str, after_s: float) -> None:
        """Give it back, to be tried in `after_s` seconds."""

    async def waiting(self) -> int:
        """How many are to be opened, those included that are not due yet."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One report as it came through a queue."""

    entry_id: str
    envelope: bytes


class ReportQueue(Protocol):
    """Reports that come through a queue. Every call raises Unavailable while the queue is away."""

    async def take(self) -> Sequence[Arrival]:
        """Some that nobody has settled, after a little wait. What is taken and not settled comes again."""

    async def settle(self, arrival: Arrival) -> None:
        """It is recorded."""

    async def bury(self, arrival: Arrival, reason: str, detail: str) -> None:
        """It never can be: keep it among the dead letters."""


class Conversations(Protocol):
    """Where turns are opened."""

    async def follow_up(self, follow_up: FollowUp) -> None:
        """Open the turn that tells the end of an effect; the same effect never opens two.

        Raises FocalError: Unavailable and the like may pass, NotFound and FailedPrecondition (the session has
        gone or ended) and InvalidArgument may not.
        """
