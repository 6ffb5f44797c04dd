"""What is delivered, and what is reported about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from focal_turn_gateway.domain.deliveries import Attempted, Delivery, DeliveryFilter, DeliveryState, Resolve
from focal_turn_gateway.domain.fallback import Refusal
from focal_turn_gateway.domain.receipts import Receipt, Report
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.domain.turns import ReplySegment
from focal_turn_gateway.ports.turns import OutboxRow


@dataclass(frozen=True, slots=True)
class FailedPart:
    """A part that may fall back: the outbox row's `payload`, and the `segment` of the reply that it is of."""

    payload: dict[str, Any]
    segment: ReplySegment

    @property
    def turn_id(self) -> str:
        """The turn."""
        return str(self.payload["turn_id"])

    @property
    def agent_id(self) -> str:
        """The agent that answered."""
        return str(self.payload["agent_id"])

    @property
    def channel(self) -> str:
        """Where it failed."""
        return str(self.payload["channel"])

    @property
    def tried(self) -> tuple[str, ...]:
        """The channels on which it failed, or might not be sent, before."""
        return tuple(self.payload.get("fallback_from", ()))


@dataclass(frozen=True, slots=True)
class FallbackRung:
    """A channel to send a failed part's segment on, unless there is a `refusal`: as these `rows`, whose
    recipient is still to be filled in, and at most `per_day` parts of a tenant in 24 hours (0: no limit).
    """

    channel: str
    refusal: Refusal | None
    per_day: int
    rows: Sequence[OutboxRow]


@dataclass(frozen=True, slots=True)
class Noted:
    """A receipt as it stands, whether the report said something new, and whether the reply is now on its way
    on another channel.
    """

    receipt: Receipt
    advanced: bool
    fell_back: bool = False


class Receipts(Protocol):
    """What channel adapters reported about the parts of replies."""

    async def report(
        self, tenant_id: str, report: Report, rungs: Sequence[FallbackRung] = ()
    ) -> Noted | None:
        """Note a report; None for a part that is unknown. A part that has FAILED now is sent on the first of
        `rungs` on which that is allowed, in the same transaction. Raises StoreUnavailable.
        """

    async def part(self, tenant_id: str, report: Report) -> FailedPart | None:
        """The part that a report is about, None when it is unknown. Raises StoreUnavailable."""

    async def of_turn(
        self, tenant_id: str, turn_id: str, after: tuple[int, int, str], limit: int
    ) -> list[Receipt]:
        """Receipts of a turn's parts behind a segment, part and channel, in order. Raises
        StoreUnavailable.
        """


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """An outbox row that this process delivers now, for the `attempts`th time since it was last asked for;
    its turn was committed at `created_at`. `claim` tells this claim on it from all others.
    """

    outbox_id: int
    tenant_id: str
    session_id: str
    dedupe_key: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime
    claim: int = 0


class Outbox(Protocol):
    """Rows that wait for delivery."""

    async def claim(self, destination: str, limit: int) -> list[ClaimedRow]:
        """Take the oldest row of each session for this process."""

    async def delivered(self, outbox_ids: Sequence[int]) -> None:
        """The destination took them."""

    async def postpone(self, outbox_ids: Sequence[int], seconds: float) -> None:
        """Try again later."""

    async def give_up(self, row: ClaimedRow, reason: str) -> None:
        """The destination will never take it: let what waits behind it pass."""


class Destination(Protocol):
    """Where outbox rows go. A repeated delivery with the same dedupe key must change nothing."""

    async def deliver(self, rows: Sequence[ClaimedRow]) -> None:
        """Deliver all rows or raise; Undeliverable when trying again cannot help."""


class KeylessOutbox(Protocol):
    """Rows that wait for a destination that knows no keys. All raise StoreUnavailable."""

    async def claim(self, name: str, limit: int) -> list[ClaimedRow]:
        """Take rows of the destination `name` that are due, the oldest of each session, for this process."""

    async def doubt_lost(self) -> list[str]:
        """Put in doubt what was being sent when its claim lapsed; returns the sessions."""

    async def begin(self, row: ClaimedRow) -> None:
        """Record that it is being sent. Raises ClaimLost: then nothing may be sent."""

    async def settle(self, row: ClaimedRow, state: DeliveryState, reason: str) -> bool:
        """Note the end of an attempt; false when another attempt or a person has had a say since."""

    async def postpone(self, row: ClaimedRow, reason: str, pause_s: float) -> None:
        """It certainly did not arrive: try again after `pause_s` seconds."""


class KeylessDestination(Protocol):
    """Where a row may arrive twice when it is sent twice."""

    async def send(self, row: ClaimedRow, begin: Callable[[], Awaitable[None]]) -> Attempted:
        """Send it once, after awaiting `begin` right before the first byte leaves. Raises what `begin`
        raises.
        """


class Deliveries(Protocol):
    """What a person sees of the outbox, and decides about it. All raise StoreUnavailable."""

    async def page(self, tenant_id: str, matching: DeliveryFilter, before: int, limit: int) -> list[Delivery]:
        """Deliveries with an id below `before` (all when 0), latest first."""

    async def resolve(self, tenant_id: str, resolve: Resolve, request: Request) -> Delivery:
        """Settle one. Raises DeliveryNotFound, DeliveryNotResolvable, RequestIdReused."""
