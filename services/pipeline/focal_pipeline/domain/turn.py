"""One attempt of a turn: what comes in, what goes out, and what is decided on the way."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.session import SessionState


class Cause(enum.Enum):
    """What opened the turn."""

    MESSAGE = "message"
    TOOL_RESULT = "tool_result"
    TIMER = "timer"
    OPERATOR = "operator"
    EFFECT_RESOLVED = "effect_resolved"
    CONFIRMATION = "confirmation"

    @property
    def tells_of_a_tool(self) -> bool:
        """Whether such a turn is opened because it is known by now what a call came to."""
        return self in {Cause.TOOL_RESULT, Cause.EFFECT_RESOLVED}


class Action(enum.Enum):
    """What to do with messages that arrive while the turn runs."""

    SUPERSEDE = "supersede"
    ABSORB = "absorb"
    QUEUE = "queue"
    FORCE_COMPLETE = "force_complete"


class AbsorbStrategy(enum.Enum):
    """How a running turn takes messages in: it begins again with them, or goes on as it is."""

    RESTART = "restart"
    CONTINUE = "continue"


class InterruptPoint(enum.Enum):
    """Where in the turn a decision was taken."""

    PRE_PROCESSING = "pre_processing"
    PHASE_BOUNDARY = "phase_boundary"
    PRE_EFFECT = "pre_effect"
    PRE_COMMIT = "pre_commit"


class Outcome(enum.Enum):
    """How the turn ends for the customer."""

    RESOLVED = "resolved"
    PARTIAL = "partial"
    UNRESOLVED = "unresolved"
    REDIRECTED = "redirected"


class Severity(enum.Enum):
    """How loud an event is."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Message:
    """One customer message."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One committed turn as history."""

    customer_text: str
    reply_text: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """The result of a phase that another attempt may reuse; `data_json` is canonical JSON."""

    name: str
    data_json: str
    input_fingerprint: str = ""
    dependency_fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class PriorEffect:
    """An effect of the turn group that an earlier attempt caused; `happened` is false when the
    world is known to be unchanged, `doubtful` is true while nobody knows.
    """

    tool_name: str
    policy: SideEffect
    happened: bool
    doubtful: bool = False
    effect_id: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything an attempt may read."""

    tenant_id: str
    agent_id: str
    session_id: str
    turn_id: str
    turn_group_id: str
    attempt: int = 1
    epoch: int = 0
    cause: Cause = Cause.MESSAGE
    messages: tuple[Message, ...] = ()
    customer_id: str = ""
    channel: str = ""
    config_version: int = 0
    state: SessionState = field(default_factory=SessionState)
    history: tuple[Exchange, ...] = ()
    customer_data: Mapping[str, Any] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    prior_effects: tuple[PriorEffect, ...] = ()
    supersede_count: int = 0
    trigger: Mapping[str, Any] = field(default_factory=dict)
    wants_text_deltas: bool = True
    supersede_default: Action | None = None
    """What the channel does with a message that nobody judges; None leaves it to the pipeline."""

    @property
    def text(self) -> str:
        """The customer's texts, joined by newlines."""
        return "\n".join(message.text for message in self.messages)

    @property
    def told(self) -> str:
        """What the agent is told: what opened a turn without a message, and the customer's texts."""
        happened = self.trigger.get("text", "")
        return "\n".join(filter(None, (happened if isinstance(happened, str) else "", self.text)))

    def artifact(self, name: str) -> Artifact | None:
        """The latest artifact of that name."""
        return next((a for a in reversed(self.artifacts) if a.name == name), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about pending messages; `strategy` only with ABSORB."""

    action: Action
    point: InterruptPoint
    reason: str
    message_ids: tuple[str, ...]
    strategy: AbsorbStrategy | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something to store as a fabric event; the payload holds ids and figures, no customer text."""

    category: str
    type: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = Severity.INFO


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool call as the turn record keeps it."""

    tool_name: str
    status: str
    effect_id: str = ""
    error_reason: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the turn cost in model calls."""

    llm_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_characters: int = 0
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What the turn comes to; `phase_ms` is by phase name, such as `P4`. `left_effect_ids` are effects of the
    turn group that can be undone and that this result does not rest on.
    """

    answered_message_ids: tuple[str, ...]
    reply: tuple[str, ...]
    outcome: Outcome
    state: SessionState
    config_version: int
    matched_rule_ids: tuple[str, ...] = ()
    tools: tuple[ToolUse, ...] = ()
    usage: Usage = Usage()
    commit_point_reached: bool = False
    phase_ms: Mapping[str, float] = field(default_factory=dict)
    expects_more_input: bool = False
    left_effect_ids: tuple[str, ...] = ()
