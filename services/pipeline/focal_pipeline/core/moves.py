"""Moves within scenarios that an operator asked for, made before the turn looks at the text.

Whoever stored them does not know what a scenario is. So a move to what the bundle does not have changes
nothing: the scenario that runs must not suffer from a slip of the pen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from focal_pipeline.core import stacking
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain.session import ScenarioInstance, ScenarioMove, ScenarioStatus, SessionState

_OPEN = {ScenarioStatus.ACTIVE, ScenarioStatus.PAUSED}


class Fate(StrEnum):
    """What became of a move; also the type of its event."""

    FORCED = "forced"
    LEFT = "left"
    IGNORED = "move_ignored"


@dataclass(frozen=True, slots=True)
class Made:
    """The state behind the moves, and what became of each."""

    state: SessionState
    fates: tuple[tuple[ScenarioMove, Fate], ...]


def make(state: SessionState, runtime: AgentRuntime) -> Made:
    """The moves that wait, one after the other; none waits in the state that comes out."""
    fates = []
    made = replace(state, moves=())
    for move in state.moves:
        if not move.step_id:
            after = _left(made, move.scenario_id)
        elif _known(move, runtime):
            after = _forced(made, move)
        else:
            after = made
        settled = Fate.FORCED if move.step_id else Fate.LEFT
        fates.append((move, Fate.IGNORED if after is made else settled))
        made = after
    return Made(made, tuple(fates))


def _known(move: ScenarioMove, runtime: AgentRuntime) -> bool:
    scenario = runtime.scenarios.get(move.scenario_id)
    return scenario is not None and move.step_id in scenario.by_id


def _forced(state: SessionState, move: ScenarioMove) -> SessionState:
    """The scenario runs, on the step. One that stands there already keeps what its tools have done."""
    turn_index = state.turn_index + 1
    found = _open(state, move.scenario_id)
    if found is not None and found.step_id == move.step_id:
        forced = replace(found, status=ScenarioStatus.ACTIVE)
    else:
        forced = ScenarioInstance(
            move.scenario_id,
            move.step_id,
            started_at_turn=found.started_at_turn if found else turn_index,
            updated_at_turn=turn_index,
        )
    others = (i for i in state.scenarios if i is not found)
    return replace(state, scenarios=(*map(stacking.paused, others), forced))


def _left(state: SessionState, scenario_id: str) -> SessionState:
    """The scenario ends, and the latest that waited behind it goes on."""
    found = _open(state, scenario_id)
    if found is None:
        return state
    rest = [i for i in state.scenarios if i is not found]
    left = replace(found, status=ScenarioStatus.CANCELLED, updated_at_turn=state.turn_index + 1)
    return replace(state, scenarios=(left, *stacking.resumed(rest)))


def _open(state: SessionState, scenario_id: str) -> ScenarioInstance | None:
    found = (i for i in reversed(state.scenarios) if i.scenario_id == scenario_id and i.status in _OPEN)
    return next(found, None)
