"""Close a turn: its record, its reply in the outbox, its last event, in one commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from focal_kernel import canonical_json
from focal_service_kit import tracing
from focal_turn_gateway import errors
from focal_turn_gateway.core import owed_parts
from focal_turn_gateway.core.owed_parts import CALLBACK
from focal_turn_gateway.core.reply_format import Formatted, ReplyFormat, shown
from focal_turn_gateway.core.run_attempt import Finished
from focal_turn_gateway.domain import triggers
from focal_turn_gateway.domain.accumulation import Hint
from focal_turn_gateway.domain.callbacks import NO_CALLBACKS, Callbacks
from focal_turn_gateway.domain.channels import Policy
from focal_turn_gateway.domain.error_policy import Answer, Replies
from focal_turn_gateway.domain.events import AgentReported, Event, StoredEvent, TurnCompleted, TurnFailed
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.reply_parts import Part
from focal_turn_gateway.domain.turns import (
    Attempt,
    Turn,
    TurnResult,
    TurnStatus,
    closed,
)
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.turns import Committed, OutboxRow, TurnStore

MEMORY = "memory"
COMPENSATION = "compensation"
_RETRY_S = 0.1


@dataclass(frozen=True, slots=True)
class CloseTurn:
    """`destinations` are the outbox destinations in use with what wakes their delivery; replies that
    `callbacks` name go there and not to the stream. `patience_s` bounds the wait for a store that is away, in
    seconds.
    """

    store: TurnStore
    live: LiveFeed
    destinations: Mapping[str, Callable[[], None]]
    reply_format: ReplyFormat
    replies: Replies
    patience_s: float
    callbacks: Callbacks = NO_CALLBACKS

    async def complete(self, attempt: Attempt, finished: Finished) -> bool:
        """Commit a result; true when messages remain. Raises AttemptLost, StoreUnavailable."""
        turn = closed(attempt, finished.result, TurnStatus.COMPLETE, messages=finished.messages)
        events = [*finished.events, *_undoing(attempt, turn), _last(attempt, TurnCompleted(turn))]
        return await self._commit(
            attempt, turn, finished.result.state, events, finished.messages, finished.result.hint
        )

    async def fail(
        self, attempt: Attempt, reason: str, answer: Answer = Answer.ERROR, *, escalated: str | None = None
    ) -> bool:
        """Commit the error policy's answer, none where nobody waits for one; true when messages remain.
        `escalated` names who is told. Raises AttemptLost, StoreUnavailable.
        """
        waited_for = attempt.cause in triggers.AWAITED
        result = TurnResult(
            answered_message_ids=tuple(message.message_id for message in attempt.messages),
            reply=self.replies.of(answer) if waited_for else (),
            outcome="UNRESOLVED",
            state=None,
            config_version=attempt.config_version,
        )
        turn = closed(attempt, result, TurnStatus.FAILED, reason, attempt.messages)
        events = [_last(attempt, TurnFailed(turn))]
        if escalated:
            events.insert(0, Event(_escalation(escalated, reason), attempt.turn_id, attempt.attempt))
        return await self._commit(attempt, turn, None, events, attempt.messages)

    async def _commit(
        self,
        attempt: Attempt,
        turn: Turn,
        state: str | None,
        events: Sequence[Event],
        messages: Sequence[Message],
        hint: Hint | None = None,
    ) -> bool:
        committed = await self._patiently(attempt, turn, state, events, messages, hint)
        if committed.fresh:
            self.live.publish(attempt.session_id, stored(attempt.session_id, committed, events))
        else:
            self.live.hint(attempt.session_id)
        for name, wake in self.destinations.items():
            if name != COMPENSATION or turn.left_effect_ids:
                wake()
        return committed.remaining

    async def _patiently(
        self,
        attempt: Attempt,
        turn: Turn,
        state: str | None,
        events: Sequence[Event],
        messages: Sequence[Message],
        hint: Hint | None = None,
    ) -> Committed:
        """A commit is idempotent by attempt, so one whose answer was lost is simply repeated."""
        give_up_at = time.monotonic() + self.patience_s
        while True:
            try:
                reply = await self.reply_format(attempt, turn)
                outbox = outbox_rows(
                    attempt, turn, reply, messages, frozenset(self.destinations), self.callbacks
                )
                return await self.store.commit(attempt, turn, state, events, outbox, hint)
            except errors.StoreUnavailable:
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(_RETRY_S)


def outbox_rows(
    attempt: Attempt,
    turn: Turn,
    reply: Formatted,
    messages: Sequence[Message],
    destinations: frozenset[str],
    callbacks: Callbacks = NO_CALLBACKS,
) -> list[OutboxRow]:
    """What a committed turn owes the outside: each part of the reply to its stream or callback, the exchange
    to memory, and the undoing of effects that it does not rest on.

    `messages` are those the turn may have answered.
    """
    rows = []
    parts = (
        owed_parts.row(callbacks, attempt.tenant_id, _part(attempt, turn, part, reply.policy))
        for part in reply.parts
    )
    rows += [part for part in parts if part.destination in {CALLBACK, *destinations}]
    if MEMORY in destinations:
        rows.append(_memory(attempt, turn, messages))
    if COMPENSATION in destinations and turn.left_effect_ids:
        rows.append(_compensation(attempt, turn))
    return rows


def stored(session_id: str, committed: Committed, events: Sequence[Event]) -> list[StoredEvent]:
    """Events with the offsets that the commit gave them."""
    return [
        StoredEvent(
            session_id,
            committed.first_offset + index,
            committed.at,
            event.body,
            event.turn_id,
            event.attempt,
            tracing.current_trace_id(),
        )
        for index, event in enumerate(events)
    ]


def _escalation(target: str, reason: str) -> AgentReported:
    payload = canonical_json.dumps({"reason": reason, "target": target})
    return AgentReported("infra", "error.escalated", payload, "ERROR", "1.0")


def _undoing(attempt: Attempt, turn: Turn) -> Iterator[Event]:
    """The word that effects are to be undone, if any are."""
    if turn.left_effect_ids:
        payload = canonical_json.dumps({"effect_ids": list(turn.left_effect_ids)})
        body = AgentReported("infra", "compensation.requested", payload, "INFO", "1.0")
        yield Event(body, attempt.turn_id, attempt.attempt)


def _last(attempt: Attempt, body: TurnCompleted | TurnFailed) -> Event:
    return Event(body, attempt.turn_id, attempt.attempt)


def _part(attempt: Attempt, turn: Turn, part: Part, policy: Policy) -> dict[str, Any]:
    return {
        "dedupe_key": f"{turn.turn_id}:{part.segment}:{part.index}",
        "agent_id": attempt.agent_id,
        "session_id": attempt.session_id,
        "customer_id": attempt.customer_id,
        "channel": attempt.channel,
        "user_channel_id": attempt.channel_user_id,
        "traceparent": tracing.current_traceparent(),
        "turn_id": turn.turn_id,
        **shown(part, policy),
    }


def _compensation(attempt: Attempt, turn: Turn) -> OutboxRow:
    payload = {
        "agent_id": attempt.agent_id,
        "config_version": turn.config_version,
        "customer_id": attempt.customer_id,
        "turn_id": turn.turn_id,
        "turn_group_id": turn.turn_group_id,
        "epoch": attempt.epoch,
        "effect_ids": list(turn.left_effect_ids),
        "reason": "the turn that was answered instead does not rest on it",
    }
    return OutboxRow(COMPENSATION, turn.turn_id, payload)


def _memory(attempt: Attempt, turn: Turn, messages: Sequence[Message]) -> OutboxRow:
    answered = [message for message in messages if message.message_id in turn.message_ids]
    episodes = [
        _episode(message.message_id, message.text, "USER", message.received_at) for message in answered
    ]
    if turn.reply_text.strip():
        last_at = answered[-1].received_at if answered else attempt.opened_at
        episodes.append(_episode(f"{turn.turn_id}-reply", turn.reply_text, "AGENT", last_at))
    payload = {"customer_id": attempt.customer_id, "turn_id": turn.turn_id, "episodes": episodes}
    return OutboxRow(MEMORY, turn.turn_id, payload)


def _episode(episode_id: str, text: str, source: str, at: datetime) -> dict[str, str]:
    return {"episode_id": episode_id, "text": text, "source": source, "at": at.isoformat()}
