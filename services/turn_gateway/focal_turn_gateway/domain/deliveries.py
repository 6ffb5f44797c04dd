"""What a committed turn owes the outside, and where each piece of it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from focal_kernel import ids
from focal_turn_gateway import errors


class DeliveryState(StrEnum):
    """Where a delivery stands. SENDING and IN_DOUBT are only for destinations that know no keys."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    IN_DOUBT = "IN_DOUBT"


class Resolution(StrEnum):
    """What a person decides: it arrived, it is sent once more, or it is given up."""

    DELIVERED = "DELIVERED"
    RESEND = "RESEND"
    DROP = "DROP"


class Verdict(StrEnum):
    """What one attempt came to: the receiver took it, it certainly did not and may later, it never will, or
    nobody knows.
    """

    TAKEN = "TAKEN"
    NOT_NOW = "NOT_NOW"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt's verdict and its reason, for a person; no address and no text of a driver."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A piece on its way; `segment`, `part`, `channel`, `recipient` and `turn_id` say what is known of it."""

    delivery_id: int
    destination: str
    session_id: str
    dedupe_key: str
    turn_id: str
    segment: int
    part: int
    channel: str
    recipient: str
    state: DeliveryState
    reason: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list; no `states` means those that wait for a person. Those that arrived are only
    listed for one session.
    """

    states: tuple[DeliveryState, ...] = ()
    destination: str = ""
    session_id: str = ""

    def checked(self) -> DeliveryFilter:
        """The filter with its states chosen. Raises InvalidField, InvalidArgument (INVALID_ID)."""
        if self.destination:
            ids.check_id(self.destination, "destination")
        if self.session_id:
            ids.check_id(self.session_id, "session_id")
            return DeliveryFilter(self.states or tuple(DeliveryState), self.destination, self.session_id)
        if DeliveryState.DELIVERED in self.states:
            raise errors.InvalidField("session_id", "is needed to list what was delivered")
        return DeliveryFilter(self.states or UNSETTLED, self.destination)


UNSETTLED = (DeliveryState.FAILED, DeliveryState.IN_DOUBT)
"""What waits for a person."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """A person's decision about a delivery: who, what and why."""

    delivery_id: int
    resolution: Resolution
    reason: str
    by: str
