"""What becomes of a turn whose attempt failed, or whose time is up (DOMAIN §2.11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """What failed."""

    BRAIN = "BRAIN"
    """The pipeline refused the turn or took too long: the next attempt would too."""
    PROVIDER = "PROVIDER"
    """No model of the chain answered."""
    LOST = "LOST"
    """The attempt is gone with a process or a connection, or broke on something unforeseen. It is made again;
    a turn that breaks every attempt ends at their cap.
    """


class Policy(StrEnum):
    """What to do about a failure."""

    FAIL = "FAIL"
    """End the turn with the error reply."""
    RETRY = "RETRY"
    """Try again so many times, then FAIL."""
    ESCALATE = "ESCALATE"
    """FAIL, and tell the escalation target."""
    IGNORE = "IGNORE"
    """End the turn without a reply."""


class Target(StrEnum):
    """Who is told of an escalation; each gets the event `infra.error.escalated` that names it."""

    SILENT_LOG = "silent_log"
    INTERNAL_ALERT = "internal_alert"


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between attempts: from `first_s` on, doubling up to `longest_s`, after at most `retries`."""

    retries: int
    first_s: float
    longest_s: float

    def after(self, attempt: int) -> float | None:
        """Seconds to wait after attempt number `attempt` (from 1) failed; None when it was the last."""
        return None if attempt > self.retries else min(self.longest_s, self.first_s * 2.0 ** (attempt - 1))


@dataclass(frozen=True, slots=True)
class ErrorPolicy:
    """`lost` are the pauses after attempts that got lost, `failed` those of RETRY; `budget_s` is the time of
    a whole turn, all its attempts and pauses together, in seconds.
    """

    lost: Pauses
    failed: Pauses = Pauses(3, 1.0, 30.0)
    brain: Policy = Policy.FAIL
    provider: Policy = Policy.RETRY
    target: Target = Target.SILENT_LOG
    budget_s: float = 60.0

    def of(self, failure: Failure) -> Policy:
        """What to do about a failure; a lost attempt is made again."""
        return {Failure.BRAIN: self.brain, Failure.PROVIDER: self.provider}.get(failure, Policy.RETRY)

    def pause_s(self, failure: Failure, attempt: int) -> float | None:
        """Seconds to wait before the next attempt; None when there shall be none."""
        if self.of(failure) is not Policy.RETRY:
            return None
        return (self.lost if failure is Failure.LOST else self.failed).after(attempt)
