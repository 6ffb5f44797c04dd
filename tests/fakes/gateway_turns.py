"""The gateway's stores in memory: messages, turns and what is read of them, in one object."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres.message_store import QueueLimits
from focal_turn_gateway.domain.accumulation import Hint, Rhythm, Window
from focal_turn_gateway.domain.events import (
    Event,
    MessageReceived,
    StoredEvent,
    TurnAggregated,
    TurnStarted,
)
from focal_turn_gateway.domain.messages import Accepted, Address, Message, Submission
from focal_turn_gateway.domain.sessions import Behind, Listing, Session
from focal_turn_gateway.domain.turns import Artifact, Attempt, Decision, Turn
from focal_turn_gateway.ports.accumulation import OpenWindow
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.turns import Committed, Idle, OutboxRow, Wait
from tests.fakes.turn_gateway import NOW, attempt, message

QUEUE = QueueLimits(turn=100, queue=10, retry_s=1)
"""What a gateway allows unless it is told otherwise."""


@dataclass
class _Session:
    submission: Submission
    epoch: int = 0
    due: float = 0.0
    pause_ms: float = 0.0
    state: str = ""
    hint: Hint = field(default_factory=Hint)
    turn: Attempt | None = None
    turns: list[Turn] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    events: list[StoredEvent] = field(default_factory=list)

    @property
    def open(self) -> tuple[Message, ...]:
        return tuple(message for message in self.messages if not message.turn_id)


class InMemoryTurns:
    """`MessageStore`, `Rhythms`, `TurnStore` and `SessionReader` in one; while `away` every call is
    StoreUnavailable, while `full` a new message is QueueFull.
    """

    def __init__(self) -> None:
        self.away = False
        self.spent_s = 0.0
        self.full = False
        self.sessions_by_id: dict[str, _Session] = {}
        self.outbox: list[OutboxRow] = []
        self.decisions: list[Decision] = []
        self.artifacts: list[Artifact] = []
        self.first_offsets: dict[str, int] = {}
        self.asked_ahead: list[int] = []
        self.extended: list[tuple[str, str, int]] = []
        self._messages, self._turns = itertools.count(1), itertools.count(1)

    async def submit(self, submission: Submission, window: Window) -> Accepted:
        self._reach()
        for session in self.sessions_by_id.values():
            for stored in session.messages:
                if submission.request_id and stored.request_id == submission.request_id:
                    return Accepted(stored.message_id, stored.session_id, stored.sequence, NOW, True, 0)
        if self.full:
            raise errors.QueueFull(QUEUE.queue, QUEUE.retry_s)
        session_id, session = self._session_at(submission)
        stored = replace(
            message(len(session.messages) + 1, submission.content.text),
            message_id=f"msg_{next(self._messages)}",
            session_id=session_id,
            request_id=submission.request_id,
        )
        session.messages.append(stored)
        session.pause_ms = window.pause_ms
        session.due = time.monotonic() + window.pause_ms / 1000
        offset = self._append(session_id, [Event(MessageReceived(stored))])
        return Accepted(stored.message_id, session_id, stored.sequence, NOW, False, offset)

    async def extend_window(self, tenant_id: str, session_id: str, pause_ms: int) -> None:
        self._reach()
        self.extended.append((tenant_id, session_id, pause_ms))

    async def end_typing(self, tenant_id: str, session_id: str, pause_ms: int) -> bool:
        self._reach()
        extended = any(session == session_id for _, session, _ in self.extended)
        self.extended = [one for one in self.extended if one[1] != session_id]
        return extended

    async def rhythm(self, submission: Submission) -> Rhythm:
        self._reach()
        for session in self.sessions_by_id.values():
            if session.submission.address == submission.address:
                earlier = tuple(waiting.text for waiting in session.open)
                return Rhythm(earlier=earlier, earlier_count=len(earlier), hint=session.hint)
        return Rhythm()

    async def open_turn(self, hold: Hold) -> Idle | Wait | Attempt:
        self._reach()
        session = self.sessions_by_id.get(hold.session_id)
        if session is None or not session.open:
            return Idle()
        if (left := session.due - time.monotonic()) > 0:
            window = OpenWindow("acme", "desk", 7, len(session.messages), session.pause_ms, False)
            return Wait(left, window)
        session.epoch += 1
        before = session.turn or attempt(
            number=0, turn_id=f"trn_{next(self._turns)}", session_id=hold.session_id
        )
        opened = replace(
            before,
            messages=session.open,
            attempt=before.attempt + 1,
            epoch=session.epoch,
            state=session.state,
            turn_count=len(session.turns),
            spent_s=self.spent_s,
            first_offset=len(session.events) + 1,
        )
        ids = tuple(message.message_id for message in session.open)
        bodies = (TurnStarted(opened.turn_group_id, session.epoch, "MESSAGE"), TurnAggregated("OFF", ids))
        self._append(hold.session_id, [Event(body, opened.turn_id, opened.attempt) for body in bodies])
        session.turn = opened
        return opened

    async def texts(self, hold: Hold, window: OpenWindow) -> tuple[str, ...]:
        self._reach()
        return tuple(message.text for message in self.sessions_by_id[hold.session_id].open)

    async def finish(self, hold: Hold, window: OpenWindow) -> bool:
        self._reach()
        session = self.sessions_by_id[hold.session_id]
        if len(session.messages) != window.sequence:
            return False
        session.due = 0.0
        return True

    async def pending(self, attempt: Attempt, after_sequence: int) -> tuple[Message, ...]:
        waiting = self._hold(attempt).open
        return tuple(message for message in waiting if message.sequence > after_sequence)

    async def record_events(self, attempt: Attempt, events: Sequence[Event]) -> int:
        self._hold(attempt)
        return self._append(attempt.session_id, events)

    async def store_artifact(self, attempt: Attempt, artifact: Artifact) -> None:
        self._hold(attempt)
        self.artifacts.append(artifact)

    async def record_decision(
        self, attempt: Attempt, decision: Decision, successor_id: str, events: Sequence[Event]
    ) -> int:
        session = self._hold(attempt)
        self.decisions.append(decision)
        if successor_id:
            session.turn = replace(attempt, turn_id=successor_id, attempt=0, superseded_from=attempt.turn_id)
        return self._append(attempt.session_id, events)

    async def commit(
        self,
        attempt: Attempt,
        turn: Turn,
        state: str | None,
        events: Sequence[Event],
        outbox: Sequence[OutboxRow],
        hint: Hint | None = None,
    ) -> Committed:
        self._reach()
        session = self.sessions_by_id[attempt.session_id]
        if any(closed.turn_id == turn.turn_id for closed in session.turns):
            return Committed(False, 0, NOW, True)
        self._hold(attempt)
        session.messages = [
            replace(message, turn_id=turn.turn_id) if message.message_id in turn.message_ids else message
            for message in session.messages
        ]
        session.turns.append(turn)
        session.turn, session.state = None, session.state if state is None else state
        session.hint = session.hint if hint is None else hint
        self.outbox += outbox
        return Committed(True, self._append(attempt.session_id, events), NOW, bool(session.open))

    async def session(self, tenant_id: str, session_id: str) -> Session:
        self._reach()
        if session_id not in self.sessions_by_id:
            raise errors.SessionNotFound(session_id)
        return self._view(session_id)

    async def session_at(self, tenant_id: str, address: Address, ended_id: str = "") -> Session | None:
        self._reach()
        for session_id, session in self.sessions_by_id.items():
            if session.submission.address == address:
                return self._view(session_id)
        return None

    async def sessions(
        self, tenant_id: str, listing: Listing, behind: Behind | None, limit: int
    ) -> list[Session]:
        return [self._view(session_id) for session_id in self.sessions_by_id][:limit]

    async def turn(self, tenant_id: str, turn_id: str) -> Turn:
        raise errors.TurnNotFound(turn_id)

    async def turns(self, tenant_id: str, session_id: str, before: str, limit: int) -> list[Turn]:
        return self.sessions_by_id[session_id].turns[::-1][:limit]

    async def open_turns(self, tenant_id: str, min_age_s: float, after: str, limit: int) -> list[Turn]:
        return []

    async def turn_answering(self, tenant_id: str, message_id: str) -> Turn | None:
        self._reach()
        turns = (turn for session in self.sessions_by_id.values() for turn in session.turns)
        return next((turn for turn in turns if message_id in turn.message_ids), None)

    async def messages_of(self, tenant_id: str, turn_id: str) -> tuple[Message, ...]:
        sessions = self.sessions_by_id.values()
        return tuple(m for session in sessions for m in session.messages if m.turn_id == turn_id)

    async def messages(self, tenant_id: str, session_id: str, before: int, limit: int) -> tuple[Message, ...]:
        session = self.sessions_by_id[session_id]
        return tuple(m for m in session.messages[::-1] if not before or m.sequence < before)[:limit]

    async def pinned_versions(self, tenant_id: str, agent_id: str) -> dict[int, int]:
        return {7: len(self.sessions_by_id)}

    async def events(self, session_id: str, after_offset: int, limit: int) -> list[StoredEvent]:
        self._reach()
        session = self.sessions_by_id.get(session_id)
        return session.events[after_offset : after_offset + limit] if session else []

    async def ahead(self, offsets: Mapping[str, int]) -> list[str]:
        self._reach()
        self.asked_ahead.append(len(offsets))
        return [each for each, seen in offsets.items() if len(self.sessions_by_id[each].events) > seen]

    async def first_offset(self, session_id: str) -> int:
        self._reach()
        return self.first_offsets.get(session_id, 1)

    def _reach(self) -> None:
        if self.away:
            raise errors.StoreUnavailable

    def _hold(self, attempt: Attempt) -> _Session:
        self._reach()
        session = self.sessions_by_id[attempt.session_id]
        if session.epoch != attempt.epoch:
            raise errors.AttemptLost
        return session

    def _session_at(self, submission: Submission) -> tuple[str, _Session]:
        for session_id, session in self.sessions_by_id.items():
            if session.submission.address == submission.address:
                return session_id, session
        session_id = f"ses_{len(self.sessions_by_id) + 1}"
        self.sessions_by_id[session_id] = _Session(submission)
        return session_id, self.sessions_by_id[session_id]

    def _append(self, session_id: str, events: Sequence[Event]) -> int:
        log = self.sessions_by_id[session_id].events
        first = len(log) + 1
        for offset, event in enumerate(events, first):
            log.append(StoredEvent(session_id, offset, NOW, event.body, event.turn_id, event.attempt))
        return first

    def _view(self, session_id: str) -> Session:
        session = self.sessions_by_id[session_id]
        return Session(
            session_id=session_id,
            tenant_id="acme",
            agent_id="desk",
            customer_id="cus_1",
            channel="web",
            ended=False,
            config_version=7,
            turn_count=len(session.turns),
            epoch=session.epoch,
            state=session.state,
            created_at=NOW,
            updated_at=NOW,
            last_offset=len(session.events),
            open_messages=len(session.open),
        )
