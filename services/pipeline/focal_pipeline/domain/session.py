"""What an agent remembers between the turns of one session."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class ScenarioStatus(enum.Enum):
    """Progress of a scenario in a session."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ScenarioInstance:
    """One scenario that the session runs or has run.

    `finished_tools` succeeded since the scenario came to its step; `doubtful_tools` maps a tool
    whose effect is in doubt to the turn group that caused it.
    """

    scenario_id: str
    step_id: str
    status: ScenarioStatus = ScenarioStatus.ACTIVE
    started_at_turn: int = 0
    updated_at_turn: int = 0
    low_confidence_turns: int = 0
    finished_tools: tuple[str, ...] = ()
    doubtful_tools: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepVisit:
    """One arrival at a step."""

    scenario_id: str
    step_id: str
    turn_index: int
    is_checkpoint: bool = False


@dataclass(frozen=True, slots=True)
class ScenarioMove:
    """A move that an operator asked for: to a step, or out of the scenario when `step_id` is empty."""

    scenario_id: str
    step_id: str = ""


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """The call that the last turn asked about: one exact call, and the rule or step that brought it in. When
    it is `for_operator`, what the customer says is no answer.
    """

    confirmation_id: str
    tool_name: str
    arguments_json: str
    prompt: str = ""
    rule_id: str = ""
    scenario_id: str = ""
    step_id: str = ""
    for_operator: bool = False


@dataclass(frozen=True, slots=True)
class AccumulationHint:
    """What a turn tells the wait for the next message."""

    awaiting_required_field: bool = False
    expects_followup: bool = False
    input_complete_confidence: float = 0.0
    expected_input_type: str = ""


@dataclass(frozen=True, slots=True)
class SessionState:
    """The state as of the last committed turn; `turn_index` is that turn's, 0 before the first. `moves` wait
    for the next turn.
    """

    scenarios: tuple[ScenarioInstance, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    rule_fire_counts: Mapping[str, int] = field(default_factory=dict)
    rule_last_turn: Mapping[str, int] = field(default_factory=dict)
    turn_index: int = 0
    last_intent_label: str = ""
    step_history: tuple[StepVisit, ...] = ()
    hint: AccumulationHint = AccumulationHint()
    moves: tuple[ScenarioMove, ...] = ()
    waiting: WaitingCall | None = None

    @property
    def active(self) -> ScenarioInstance | None:
        """The scenario that runs: the newest active one."""
        running = (s for s in reversed(self.scenarios) if s.status is ScenarioStatus.ACTIVE)
        return next(running, None)
