"""A logical turn from its opening to its record, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from focal_turn_gateway.domain.accumulation import Hint
from focal_turn_gateway.domain.messages import Disposition, Message


class TurnStatus(StrEnum):
    """Where a turn stands; COMPLETE, SUPERSEDED, FAILED and CANCELLED are terminal (see `lifecycle`)."""

    ACCUMULATING = "ACCUMULATING"
    PROCESSING = "PROCESSING"
    COMMITTING = "COMMITTING"
    COMPLETE = "COMPLETE"
    SUPERSEDED = "SUPERSEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class SupersedeAction(StrEnum):
    """What the pipeline decided about messages that arrived during a turn."""

    SUPERSEDE = "SUPERSEDE"
    ABSORB = "ABSORB"
    QUEUE = "QUEUE"
    FORCE_COMPLETE = "FORCE_COMPLETE"


_DISPOSITIONS = {
    SupersedeAction.SUPERSEDE: Disposition.SUPERSEDING,
    SupersedeAction.ABSORB: Disposition.ABSORBED,
    SupersedeAction.QUEUE: Disposition.QUEUED,
    SupersedeAction.FORCE_COMPLETE: Disposition.QUEUED,
}
_KEPT = frozenset({Disposition.SUPERSEDING, Disposition.ABSORBED})
"""What a message stays when a turn answers it; any other has joined that turn."""


@dataclass(frozen=True, slots=True)
class ReplySegment:
    """One piece of a reply; `content_type` is a name of the contract's enum without prefix."""

    index: int
    text: str
    content_type: str = "TEXT"
    structured_json: str = ""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool call of a turn as its record keeps it."""

    tool_name: str
    status: str
    effect_id: str = ""
    error_reason: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Model calls of an attempt; characters and tokens are sums over all calls."""

    llm_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_characters: int = 0
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Artifact:
    """The stored result of a phase; `data_json` is canonical JSON of at most 64 KiB. A `binding` one says
    what its turn set out to do: it is kept as long as the turn, and no other turn gets it.
    """

    name: str
    data_json: str
    input_fingerprint: str = ""
    dependency_fingerprint: str = ""
    binding: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """A committed turn as history for the next ones."""

    customer_text: str
    reply_text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a turn, with all the pipeline needs to run it. `state` is the pipeline's own JSON,
    unread here; `trigger_json` says what opened a turn without a message, `spent_s` how many
    seconds ago the turn's first attempt began. `channel_user_id` is the customer's id on `channel`, the one
    they last wrote from.
    """

    session_id: str
    tenant_id: str
    agent_id: str
    customer_id: str
    channel: str
    epoch: int
    turn_id: str
    turn_group_id: str
    attempt: int
    cause: str
    messages: tuple[Message, ...]
    state: str
    config_version: int
    turn_count: int
    superseded_from: str
    supersede_count: int
    opened_at: datetime
    aggregation_reason: str
    first_offset: int
    started_at: datetime
    history: tuple[Exchange, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    trigger_json: str = ""
    spent_s: float = 0.0
    channel_user_id: str = ""

    @property
    def follows_uncommitted(self) -> bool:
        """Whether an attempt before this one may still run somewhere, so that the toolbox must be fenced
        first.
        """
        return self.attempt > 1 or bool(self.superseded_from)


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn as whoever wants to stop it finds it; `epoch` is the one that keeps its attempts from acting.
    `commit_reported` says that its agent has reported its commit point; the ledger may know more.
    """

    tenant_id: str
    session_id: str
    turn_id: str
    turn_group_id: str
    status: TurnStatus
    running: bool
    epoch: int
    commit_reported: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the pipeline decided about pending messages."""

    action: SupersedeAction
    absorb_strategy: str
    interrupt_point: str
    reason: str
    message_ids: tuple[str, ...]

    @property
    def restarts(self) -> bool:
        """Whether the attempt begins again."""
        return self.action is SupersedeAction.ABSORB and self.absorb_strategy == "RESTART"

    @property
    def disposition(self) -> Disposition:
        """What it makes of its messages."""
        return _DISPOSITIONS[self.action]


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What an attempt comes to. Nothing of it is real until it is committed. `state` and `hint` None leave
    the session's as they are; the hint is for the wait for the next message. `left_effect_ids` are effects of
    the turn group that can be undone and that the result does not rest on.
    """

    answered_message_ids: tuple[str, ...]
    reply: tuple[ReplySegment, ...]
    outcome: str
    state: str | None
    config_version: int
    matched_rule_ids: tuple[str, ...] = ()
    tools: tuple[ToolUse, ...] = ()
    usage: Usage = field(default_factory=Usage)
    commit_point_reached: bool = False
    phase_ms: Mapping[str, float] = field(default_factory=dict)
    hint: Hint | None = None
    left_effect_ids: tuple[str, ...] = ()

    def answers_first_of(self, messages: Sequence[Message], *, triggered: bool = False) -> bool:
        """Whether the answered messages are the first of `messages`, and at least one when there are any: an
        answer to nothing would be given again and again, and one that leaves a gap could not be committed.
        A turn that was `triggered` answers its trigger, and messages or none.
        """
        count = len(self.answered_message_ids)
        first = {message.message_id for message in messages[:count]}
        return (
            set(self.answered_message_ids) == first
            and len(first) == count
            and bool(count or triggered or not messages)
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as its readers see it. `left_effect_ids` are those that its commit had undone."""

    turn_id: str
    session_id: str
    turn_group_id: str
    status: TurnStatus
    attempt: int
    turn_index: int
    cause: str
    opened_at: datetime
    closed_at: datetime | None = None
    message_ids: tuple[str, ...] = ()
    reply: tuple[ReplySegment, ...] = ()
    outcome: str = "UNSPECIFIED"
    aggregation_reason: str = "UNSPECIFIED"
    superseded_by: str = ""
    superseded_from: str = ""
    config_version: int = 0
    matched_rule_ids: tuple[str, ...] = ()
    tools: tuple[ToolUse, ...] = ()
    usage: Usage = field(default_factory=Usage)
    commit_point_reached: bool = False
    status_reason: str = ""
    phase_ms: Mapping[str, float] = field(default_factory=dict)
    dispositions: Mapping[str, str] = field(default_factory=dict)
    left_effect_ids: tuple[str, ...] = ()

    @property
    def reply_text(self) -> str:
        """The reply as one text, segments joined by newlines."""
        return "\n".join(segment.text for segment in self.reply)


def closed(
    attempt: Attempt,
    result: TurnResult,
    status: TurnStatus,
    status_reason: str = "",
    messages: Sequence[Message] = (),
) -> Turn:
    """The record of `attempt` ending as `status` with `result`; `closed_at` is the database's to set.
    `messages` are those the turn may have answered, as far as they are known.
    """
    return Turn(
        turn_id=attempt.turn_id,
        session_id=attempt.session_id,
        turn_group_id=attempt.turn_group_id,
        status=status,
        attempt=attempt.attempt,
        turn_index=attempt.turn_count + 1,
        cause=attempt.cause,
        opened_at=attempt.opened_at,
        message_ids=result.answered_message_ids,
        reply=result.reply,
        outcome=result.outcome,
        aggregation_reason=attempt.aggregation_reason,
        superseded_from=attempt.superseded_from,
        config_version=result.config_version,
        matched_rule_ids=result.matched_rule_ids,
        tools=result.tools,
        usage=result.usage,
        commit_point_reached=result.commit_point_reached,
        status_reason=status_reason,
        phase_ms=result.phase_ms,
        dispositions={
            message.message_id: (
                message.disposition if message.disposition in _KEPT else Disposition.JOINED
            ).value
            for message in messages
            if message.message_id in result.answered_message_ids
        },
        left_effect_ids=result.left_effect_ids,
    )
