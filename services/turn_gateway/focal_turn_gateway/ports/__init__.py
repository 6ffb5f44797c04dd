"""What the use cases need of the outside, each as small as its need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from focal_turn_gateway.domain.accumulation import Hint, Rhythm, Situation, Window
from focal_turn_gateway.domain.channels import Layer, Override, Scope
from focal_turn_gateway.domain.events import AgentReported, Event, StoredEvent, TextDelta
from focal_turn_gateway.domain.messages import Accepted, Address, Message, Submission
from focal_turn_gateway.domain.rates import Allowance, Rates
from focal_turn_gateway.domain.receipts import Receipt, Report
from focal_turn_gateway.domain.sessions import Session, SessionFilter
from focal_turn_gateway.domain.tiers import Tier
from focal_turn_gateway.domain.triggers import Request, Trigger, Triggered
from focal_turn_gateway.domain.turns import Artifact, Attempt, Decision, OpenTurn, Turn, TurnResult


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to drain one session.

    `woken` is set whenever the session may have something new; `lease` identifies the holder to the store and
    is None when the engine itself sees to it that a session has one drain at a time. A holder that waits does
    so inside `aside`, where it takes no place from others.
    """

    session_id: str
    woken: asyncio.Event
    lease: int | None = None
    aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext


class TurnEngine(Protocol):
    """Sees that a session is drained somewhere, one at a time, soon after a wake, and again if that process
    dies.
    """

    def wake(self, tenant_id: str, session_id: str) -> None:
        """Hint that the tenant's session has unanswered messages; never waits, may be lost."""

    async def serve(self, drain: Callable[[Hold], Awaitable[None]]) -> None:
        """Drain sessions with `drain` until cancelled."""


class AccumulationPolicy(Protocol):
    """Decides how long a turn waits after a message. Pure and quick: it stands before the acknowledgement."""

    def reads_rhythm(self, base_ms: int) -> bool:
        """Whether the customer's rhythm, the window's earlier texts and the last turn's hint matter on a
        channel with this base, in ms; reading them costs the acknowledgement a look-up.
        """

    def window(self, situation: Situation) -> Window:
        """The pause after the latest message; 0 ms answers at once."""


class ChannelBases(Protocol):
    """Knows the pause that a channel usually needs."""

    async def base_ms(self, tenant_id: str, agent_id: str, channel: str) -> int:
        """The base of a registered channel in milliseconds; 0 when it brings whole turns."""


class Tiers(Protocol):
    """Knows which limits a tenant is under."""

    async def tier(self, tenant_id: str, claimed: str) -> Tier | None:
        """The tenant's tier, None when nobody knows it; `claimed` is what the caller's token says of it."""

    def seen(self, tenant_id: str) -> Tier | None:
        """The tier that was last seen here, without asking anybody."""


class Rhythms(Protocol):
    """Knows how a customer writes."""

    async def rhythm(self, submission: Submission) -> Rhythm:
        """What is known before this message is stored. Raises StoreUnavailable."""


class RateWindows(Protocol):
    """Counts messages in sliding windows, and knows who is blocked or restricted."""

    async def admit(self, tenant_id: str, customer: str, rates: Rates) -> Allowance | None:
        """Count a message of a customer (hashed) unless a limit is used up; None when nobody can count."""


class MessageStore(Protocol):
    """Makes messages durable."""

    async def submit(self, submission: Submission, window: Window) -> Accepted:
        """Store the message, its identity and its session. Raises RequestIdReused, QueueFull,
        StoreUnavailable.
        """

    async def extend_window(self, tenant_id: str, session_id: str, pause_ms: int) -> None:
        """Keep an open window of the session open for another `pause_ms`, up to its longest wait. Raises
        StoreUnavailable.
        """

    async def end_typing(self, tenant_id: str, session_id: str, pause_ms: int) -> bool:
        """Let an extended window fall back to what its latest message had set, at the earliest `pause_ms`
        from now; false when nothing had extended it. Raises StoreUnavailable.
        """


class Refusals(Protocol):
    """Counts the messages that limits turn away."""

    def count(self, tenant_id: str, reason: str) -> None:
        """Note one refused message; `reason` is that of the error."""


@dataclass(frozen=True, slots=True)
class Idle:
    """The session has no unanswered messages, or the hold on it is lost."""


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window that is open: `pause_ms` from its latest message, which is number `sequence`, to its end;
    `typing` when signs of typing have extended it.
    """

    tenant_id: str
    agent_id: str
    config_version: int
    sequence: int
    pause_ms: float
    typing: bool


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
        group.
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


class SessionReader(Protocol):
    """Reads sessions, turns and events of one tenant."""

    async def session(self, tenant_id: str, session_id: str) -> Session:
        """One session. Raises SessionNotFound."""

    async def session_at(self, tenant_id: str, address: Address) -> Session | None:
        """The session at an address, if there is one."""

    async def sessions(
        self, tenant_id: str, matching: SessionFilter, before: str, limit: int
    ) -> list[Session]:
        """Sessions with an id below `before` (all when empty), latest first."""

    async def turn(self, tenant_id: str, turn_id: str) -> Turn:
        """One turn. Raises TurnNotFound."""

    async def turns(self, tenant_id: str, session_id: str, before: str, limit: int) -> list[Turn]:
        """Turns of a session with an id below `before` (all when empty), latest first."""

    async def open_turns(self, tenant_id: str, min_age_s: float, after: str, limit: int) -> list[Turn]:
        """Turns that have not ended and were opened at least `min_age_s` seconds ago, with an id above
        `after`, oldest first.
        """

    async def turn_answering(self, tenant_id: str, message_id: str) -> Turn | None:
        """The closed turn that answered a message, or that was cancelled with it."""

    async def messages_of(self, tenant_id: str, turn_id: str) -> tuple[Message, ...]:
        """Messages that ended with a turn, in order."""

    async def pinned_versions(self, tenant_id: str, agent_id: str) -> dict[int, int]:
        """Bundle versions that live sessions of an agent are pinned to, with their number, ascending."""

    async def events(self, session_id: str, after_offset: int, limit: int) -> list[StoredEvent]:
        """Stored events behind an offset, in order."""

    async def first_offset(self, session_id: str) -> int:
        """The offset of the oldest event that is kept; of the next one when none is."""


@dataclass(frozen=True, slots=True)
class Fenced:
    """The fence holds; `effects` are the turn group's effects, serialized and unread here. `committed` says
    whether one of them is past the commit point.
    """

    effects: tuple[bytes, ...]
    committed: bool = False


class EffectFence(Protocol):
    """Keeps earlier attempts from causing effects."""

    async def fence(self, turn: Attempt | OpenTurn) -> Fenced:
        """Raise the session's fence to the turn's epoch. Raises AttemptLost, AttemptFailed."""

    async def committed(self, turn: OpenTurn) -> bool:
        """Whether an effect of the turn's group is past the commit point. Raises AttemptFailed."""


@dataclass(frozen=True, slots=True)
class OfferedArtifact:
    """An artifact the pipeline wants stored; it waits for the word that it is when `acknowledge`."""

    artifact: Artifact
    acknowledge: bool


@dataclass(frozen=True, slots=True)
class Text:
    """Live text of the attempt."""

    sequence: int
    text: str


PipelineFrame = AgentReported | Text | OfferedArtifact | Decision | TurnResult


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an input is complete, and how sure the judge is, from 0 to 1."""

    complete: bool
    confidence: float


class OpenWindows(Protocol):
    """What waits in a window, and its end."""

    async def texts(self, hold: Hold, window: OpenWindow) -> tuple[str, ...]:
        """The latest texts that wait, oldest first; at most 100. Raises StoreUnavailable."""

    async def finish(self, hold: Hold, window: OpenWindow) -> bool:
        """Close the window now; false when it has changed meanwhile. Raises StoreUnavailable."""


class InputJudge(Protocol):
    """Knows whether a customer has said what they wanted to say."""

    async def judge(self, window: OpenWindow, texts: Sequence[str]) -> Judgement | None:
        """The judgement on an open window's texts, oldest first; None when there is none in time."""


class PipelineRun(Protocol):
    """One attempt being run by the pipeline."""

    def frames(self) -> AsyncIterator[PipelineFrame]:
        """What the pipeline says, to its result. Raises AttemptFailed."""

    async def tell_pending(self, messages: Sequence[Message]) -> None:
        """State that messages arrived."""

    async def tell_stored(self, name: str) -> None:
        """State that an artifact is durable."""


class Pipeline(Protocol):
    """Decides what is said."""

    def run(self, attempt: Attempt, effects: tuple[bytes, ...]) -> AbstractAsyncContextManager[PipelineRun]:
        """Run an attempt; leaving the context abandons it."""


LiveItem = StoredEvent | TextDelta


class LiveSubscription(Protocol):
    """What happens in one session, as it happens; items may be missing, the log has them all."""

    async def next(self, timeout_s: float) -> LiveItem | None:
        """The next item; None after `timeout_s` or when the log should be read."""


class LiveFeed(Protocol):
    """Spreads what happens to those who follow, in this process and in others."""

    def publish(self, session_id: str, items: Iterable[LiveItem]) -> None:
        """Tell followers; never waits, may be lost."""

    def hint(self, session_id: str) -> None:
        """Tell followers to read the log."""

    def subscribe(self, session_id: str) -> AbstractContextManager[LiveSubscription]:
        """Follow a session."""


class AgentDirectory(Protocol):
    """Knows which agents exist."""

    async def require(self, tenant_id: str, agent_id: str) -> None:
        """Raise NotFound (TENANT_NOT_FOUND, AGENT_NOT_FOUND) unless the agent has a published version."""


class Receipts(Protocol):
    """What channel adapters reported about the parts of replies."""

    async def report(self, tenant_id: str, report: Report) -> tuple[Receipt, bool] | None:
        """Note a report; the receipt as it stands and whether it changed, None for a part that is unknown.
        Raises StoreUnavailable.
        """

    async def of_turn(
        self, tenant_id: str, turn_id: str, after: tuple[int, int], limit: int
    ) -> list[Receipt]:
        """Receipts of a turn's parts behind a segment and part, in order. Raises StoreUnavailable."""


class ChannelOverrides(Protocol):
    """What tenants changed about how Focal behaves on channels."""

    async def layers(self, tenant_id: str, agent_id: str) -> tuple[Layer, ...]:
        """Overrides for all agents of the tenant and for this one. Raises StoreUnavailable."""

    async def put(self, tenant_id: str, layer: Layer, request_id: str) -> Override:
        """Set fields of an override; returns it as it stands. Raises RequestIdReused, StoreUnavailable."""

    async def delete(self, tenant_id: str, scope: Scope, names: Sequence[str], request_id: str) -> Override:
        """Take fields out, all when none is named; returns what is left. Raises RequestIdReused,
        StoreUnavailable.
        """


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """An outbox row that this process delivers now."""

    outbox_id: int
    tenant_id: str
    session_id: str
    dedupe_key: str
    payload: dict[str, Any]
    attempts: int


class Outbox(Protocol):
    """Rows that wait for delivery."""

    async def claim(self, destination: str, limit: int) -> list[ClaimedRow]:
        """Take the oldest row of each session for this process."""

    async def delivered(self, outbox_ids: Sequence[int]) -> None:
        """The destination took them."""

    async def postpone(self, outbox_ids: Sequence[int], seconds: float) -> None:
        """Try again later."""

    async def give_up(self, outbox_ids: Sequence[int]) -> None:
        """The destination will never take them: let what waits behind them pass."""


class Destination(Protocol):
    """Where outbox rows go. A repeated delivery with the same dedupe key must change nothing."""

    async def deliver(self, rows: Sequence[ClaimedRow]) -> None:
        """Deliver all rows or raise; Undeliverable when trying again cannot help."""
