"""What becomes of a turn whose attempt failed, or whose time is up (DOMAIN §2.11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from focal_turn_gateway.domain.turns import ReplySegment

ESCALATED_JSON = '{"code":"ESCALATED"}'
"""Structured content of the reply that promises a person."""


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
    FALLBACK = "FALLBACK"
    """End the turn with the fallback reply instead of the error reply."""
    IGNORE = "IGNORE"
    """End the turn without a reply."""


class Target(StrEnum):
    """Who is told of an escalation. Each stores the event `infra.error.escalated` that names it."""

    SILENT_LOG = "silent_log"
    """Whoever reads the log of events."""
    INTERNAL_ALERT = "internal_alert"
    """Those who run Focal, by alerts on the service's log."""
    TENANT_WEBHOOK = "tenant_webhook"
    """The tenant's webhooks that subscribe to the event."""
    USER_ERROR = "user_error"
    """The customer too, who reads that a person will look at it."""


class Answer(StrEnum):
    """What the customer of a failed turn reads."""

    NONE = "NONE"
    ERROR = "ERROR"
    FALLBACK = "FALLBACK"
    ESCALATED = "ESCALATED"


@dataclass(frozen=True, slots=True)
class Replies:
    """The texts of the answers. The one that promises a person carries a code that front ends may go by."""

    error: str
    fallback: str
    escalated: str

    def of(self, answer: Answer) -> tuple[ReplySegment, ...]:
        """An answer as a reply."""
        match answer:
            case Answer.NONE:
                return ()
            case Answer.ERROR:
                return (ReplySegment(0, self.error),)
            case Answer.FALLBACK:
                return (ReplySegment(0, self.fallback),)
            case Answer.ESCALATED:
                return (ReplySegment(0, self.escalated, structured_json=ESCALATED_JSON),)


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

    def answer(self, failure: Failure) -> Answer:
        """What the customer of a turn that ends with this failure reads."""
        match self.of(failure):
            case Policy.IGNORE:
                return Answer.NONE
            case Policy.FALLBACK:
                return Answer.FALLBACK
            case Policy.ESCALATE if self.target is Target.USER_ERROR:
                return Answer.ESCALATED
            case _:
                return Answer.ERROR
