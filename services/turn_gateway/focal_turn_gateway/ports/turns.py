"""What moves turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from focal_turn_gateway.domain.accumulation import Hint
from focal_turn_gateway.domain.events import Event
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.triggers import Request, Trigger, Triggered
from focal_turn_gateway.domain.turns import Artifact, Attempt, Decision, OpenTurn, Turn
from focal_turn_gateway.ports.accumulation import OpenWindow
from focal_turn_gateway.ports.engine import Hold


@dataclass(frozen=True, slots=True)
class Idle:
    """The session has no unanswered messages, or the hold on it is lost."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The session's window is open for another `seconds`."""

    seconds: float
    window: OpenWindow


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Something to deliver; `dedupe_key` is unique per destination, `payload` is plain JSON data."""

    destination: str
    dedupe_key: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that happened now, or (`fresh` False) had happened before with its answer lost."""

    fresh: bool
    first_offset: int
    at: datetime
    remaining: bool


class TurnStore(Protocol):
    """Moves turns. Every method but the first raises AttemptLost when a newer attempt exists."""

    async def open_turn(self, hold: Hold) -> Idle | Wait | Attempt:
        """Start the session's next attempt when its window has passed."""

    async def pending(self, attempt: Attempt, after_sequence: int) -> tuple[Message, ...]:
        """Unanswered messages of the attempt's session behind `after_sequence`."""

    async def record_events(self, attempt: Attempt, events: Sequence[Event]) -> int:
        """Append events; returns the offset of the first."""

    async def store_artifact(self, attempt: Attempt, artifact: Artifact) -> None:
        """Keep the result of a phase for other attempts of this turn."""

    async def record_decision(
        self, attempt: Attempt, decision: Decision, successor_id: str, events: Sequence[Event]
    ) -> int:
        """Keep a decision; with a `successor_id` the turn ends SUPERSEDED and that turn waits in its
        group. Raises CommitPointPassed when it must not end, for its agent has reported its commit point.
        """

    async def commit(
        self,
        attempt: Attempt,
        turn: Turn,
        state: str | None,
        events: Sequence[Event],
        outbox: Sequence[OutboxRow],
        hint: Hint | None = None,
    ) -> Committed:
        """Close the turn and everything that goes with it, in one transaction; a state or hint of None stays
        as it is.
        """


class TurnDesk(Protocol):
    """Opens and stops turns from outside the turn program. All raise StoreUnavailable."""

    async def trigger(self, trigger: Trigger, request: Request) -> Triggered:
        """Open a turn for a cause unless one is open. Raises SessionNotFound, SessionEnded,
        RequestIdReused.
        """

    async def standing(
        self, tenant_id: str, session_id: str, turn_id: str, request: Request
    ) -> OpenTurn | None:
        """The turn that a cancel is about: that of an earlier call with this request, the one named, else
        the one that runs; None when there is none. Raises SessionNotFound, RequestIdReused.
        """

    async def cancel(self, turn: OpenTurn, by: str, reason: str, request: Request) -> bool:
        """End the turn CANCELLED, and its messages with it; false when the session has moved since it was
        looked at.
        """
