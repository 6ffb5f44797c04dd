"""Fabric events: what is stored about a session, and the live text that is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from focal_turn_gateway.domain.abuse import Abuse
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.session_edits import Move
from focal_turn_gateway.domain.turns import Turn


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message was stored."""

    message: Message


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """An attempt of a turn began."""

    turn_group_id: str
    epoch: int
    cause: str
    superseded_from: str = ""


@dataclass(frozen=True, slots=True)
class TurnAggregated:
    """Accumulation stopped and the pipeline starts."""

    reason: str
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SupersedeDecided:
    """The pipeline decided about messages that arrived during the turn. `restart` numbers the attempt's
    restarts from 1, and is 0 for every other decision.
    """

    action: str
    absorb_strategy: str
    interrupt_point: str
    reason: str
    message_ids: tuple[str, ...]
    restart: int = 0


@dataclass(frozen=True, slots=True)
class TurnSuperseded:
    """The turn was replaced."""

    superseded_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class TurnCompleted:
    """The turn was committed."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The turn gave up; its reply is the error policy's answer."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class TurnCancelled:
    """A person stopped the turn; `message_ids` ended with it and stay unanswered."""

    cancelled_by: str
    reason: str
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentReported:
    """Something the agent reports; routed unread."""

    category: str
    type: str
    payload_json: str
    severity: str
    schema_version: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many events of a category were dropped for one reason."""

    category: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class EventsDropped:
    """Events that the agent reported in an attempt and that are not stored."""

    dropped: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True)
class WebhookDisabled:
    """A webhook was disabled because deliveries to it were given up again and again."""

    webhook_id: str
    exhausted_deliveries: int
    reason: str


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    """An operator changed the session: which variables, not their values."""

    set_variables: tuple[str, ...]
    removed_variables: tuple[str, ...]
    moves: tuple[Move, ...]
    updated_by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The session takes no more messages; what it had taken is still answered."""

    ended_by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptReported:
    """A channel adapter learnt something new about a part of a reply."""

    dedupe_key: str
    segment: int
    part: int
    channel: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AbuseSuspected:
    """The customer is watched or restricted."""

    abuse: Abuse


@dataclass(frozen=True, slots=True)
class AbuseBlocked:
    """The customer is blocked."""

    abuse: Abuse


@dataclass(frozen=True, slots=True)
class AbuseLifted:
    """A person ended what was held against the customer."""

    abuse: Abuse


@dataclass(frozen=True, slots=True)
class ReplyFallback:
    """A segment whose part could not be delivered is sent on another channel as `parts`, or, with a
    `refusal`, is not.
    """

    dedupe_key: str
    segment: int
    from_channel: str
    to_channel: str
    refusal: str
    parts: int


@dataclass(frozen=True, slots=True)
class DeliveryUpdated:
    """A delivery was given up, is in doubt, or was settled after that: by a late answer, or by the
    `resolution` that `resolved_by` decided on.
    """

    delivery_id: int
    destination: str
    dedupe_key: str
    segment: int
    part: int
    state: str
    reason: str
    attempts: int
    resolution: str = ""
    resolved_by: str = ""


Body = (
    MessageReceived
    | TurnStarted
    | TurnAggregated
    | SupersedeDecided
    | TurnSuperseded
    | TurnCompleted
    | TurnFailed
    | TurnCancelled
    | AgentReported
    | EventsDropped
    | WebhookDisabled
    | ReceiptReported
    | AbuseSuspected
    | AbuseBlocked
    | AbuseLifted
    | SessionUpdated
    | SessionEnded
    | ReplyFallback
    | DeliveryUpdated
)


@dataclass(frozen=True, slots=True)
class Event:
    """A fact about to be stored; `turn_id` is empty and `attempt` 0 for facts about the session."""

    body: Body
    turn_id: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A stored fact with its place in the session's log; `trace_id` is empty when tracing is off."""

    session_id: str
    offset: int
    occurred_at: datetime
    body: Body
    turn_id: str = ""
    attempt: int = 0
    trace_id: str = ""

    @property
    def event_id(self) -> str:
        """The event's name among all events: once stored, nothing of it changes."""
        return f"{self.session_id}-{self.offset}"


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Live text of a running attempt; `sequence` counts the attempt's deltas from 1, `restart` says after how
    many restarts of the attempt it was written. Never stored.
    """

    turn_id: str
    attempt: int
    sequence: int
    text: str
    restart: int = 0


@dataclass(frozen=True, slots=True)
class TextReset:
    """The live text of a turn is void up to `attempt`; with a `restart`, of that attempt only what was
    written before it.
    """

    turn_id: str
    attempt: int
    restart: int = 0
