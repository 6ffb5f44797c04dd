"""Tool calls: what is planned, on whose behalf, and what came of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from focal_pipeline.domain.bundle import SideEffect, ToolBinding

DECLINED = "CONFIRMATION_DECLINED"


class Status(enum.Enum):
    """How a call ended; the value is what the turn record says."""

    SUCCESS = "success"
    CACHED = "cached"
    ERROR = "error"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    STARTED = "started"


@dataclass(frozen=True, slots=True)
class Origin:
    """What brought a tool in: a rule, or a step of a scenario."""

    rule_id: str = ""
    scenario_id: str = ""
    step_id: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A bound tool that may run this turn."""

    binding: ToolBinding
    policy: SideEffect
    origin: Origin

    @property
    def tool_name(self) -> str:
        """The tool's name."""
        return self.binding.tool_name


@dataclass(frozen=True, slots=True)
class Call:
    """One exact call. `turn_group_id` is the turn's own, or that of a doubtful effect asked again; what is
    asked again is not tried again.
    """

    tool_name: str
    arguments_json: str
    policy: SideEffect
    turn_group_id: str
    occurrence: int = 1
    critical: bool = True
    timeout_s: float | None = None
    no_retry: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """On whose behalf calls are made. `no_pending_messages` states a fact about the moment of one call: every
    message that had arrived by then was decided about.
    """

    agent_id: str
    config_version: int
    session_id: str
    turn_id: str
    epoch: int
    customer_id: str
    no_pending_messages: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody has to say yes to before a call is made; `expires_at` is RFC 3339, in UTC."""

    confirmation_id: str
    prompt: str
    for_operator: bool = False
    expires_at: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The customer's answer to a question; `turn_group_id` is where it was given."""

    confirmation_id: str
    accepted: bool
    turn_group_id: str

    @property
    def request_id(self) -> str:
        """Equal in every attempt at the turn, so that a repeat stays the same answer."""
        return f"{self.turn_group_id}-{'yes' if self.accepted else 'no'}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to; `result` is parsed JSON, `question` the yes that it needs or was refused."""

    tool_name: str
    status: Status
    result: Any = None
    error_reason: str = ""
    error_message: str = ""
    effect_id: str = ""
    commit_point_reached: bool = False
    question: Question | None = None

    @property
    def waits(self) -> bool:
        """Whether somebody has to say yes first."""
        return self.error_reason in {"CONFIRMATION_REQUIRED", "APPROVAL_REQUIRED"}

    @property
    def declined(self) -> bool:
        """Whether the answer was no."""
        return self.error_reason == DECLINED

    @property
    def succeeded(self) -> bool:
        """Whether it happened, now or before."""
        return self.status in {Status.SUCCESS, Status.CACHED}

    @property
    def not_found(self) -> bool:
        """Whether the provider knows nothing under the arguments given."""
        return self.status is Status.ERROR and self.error_reason.endswith(("not_found", "http_404"))

    @property
    def started(self) -> bool:
        """Whether the provider has taken it on and reports later."""
        return self.status is Status.STARTED

    @property
    def doubtful(self) -> bool:
        """Whether nobody knows yet what happened: in doubt, still running, or blocked by either."""
        return self.status in {Status.IN_DOUBT, Status.STARTED} or (
            self.status is Status.REFUSED and self.error_reason in {"EFFECT_IN_DOUBT", "EFFECT_IN_PROGRESS"}
        )


@dataclass(frozen=True, slots=True)
class Ran:
    """A planned tool with its exact call and outcome, and the variables its result set."""

    planned: Planned
    call: Call
    outcome: Outcome
    variables: Mapping[str, Any] = field(default_factory=dict)
