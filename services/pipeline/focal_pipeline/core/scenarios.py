"""P6: which scenario the turn belongs to, and how far it goes.

One scenario runs at a time. Another one that starts puts it behind itself (PAUSED), and its end
brings the latest paused one back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from focal_embedding import Thresholds
from focal_pipeline.core import retrieval
from focal_pipeline.core.known import Known
from focal_pipeline.core.retrieval import Retrieved
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.core.scenario_walk import Walk
from focal_pipeline.domain.bundle import Scenario
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import ScenarioInstance, ScenarioStatus, SessionState
from focal_pipeline.settings import ScenarioSettings


class Scenarios:
    """The scenarios of one turn."""

    def __init__(
        self, runtime: AgentRuntime, state: SessionState, thresholds: Thresholds, limits: ScenarioSettings
    ) -> None:
        self._runtime = runtime
        self._state = state
        self._thresholds = thresholds
        self._limits = limits

    def current(self) -> Course | None:
        """The running scenario, standing where the last turn left it, or where an operator has put it now;
        None when there is none, or when the bundle no longer has its step.
        """
        instance = self._state.active
        scenario = self._runtime.scenarios.get(instance.scenario_id) if instance else None
        if instance is None or scenario is None or instance.step_id not in scenario.by_id:
            return None
        # Only a move that this turn has made is newer than the last turn. What the customer wrote is no
        # answer to a step that they have not been at.
        arrived = instance.updated_at_turn > self._state.turn_index
        return Course(scenario, instance, (instance.step_id,), started=arrived)

    def start(self, scenario_id: str) -> Course:
        """A scenario at its entry step."""
        scenario = self._runtime.scenarios[scenario_id]
        turn_index = self._state.turn_index + 1
        instance = ScenarioInstance(
            scenario_id, scenario.entry_step_id, started_at_turn=turn_index, updated_at_turn=turn_index
        )
        return Course(scenario, instance, (scenario.entry_step_id,), started=True)

    def choose(self, retrieved: Retrieved, known: Known, *, enters: bool = True) -> Course | None:
        """The running scenario if the text moves it, else one whose entry the text meets, else the running
        one where it stands. With `enters` false the text is no new wish, but answers to a call that waits
        or says that a tool has reported: no other one is entered.
        """
        running = self.current()
        if running is not None:
            moved = self.walk_on(running, retrieved, known)
            answered = running.last.collects and set(running.last.collects) & known.set_this_turn.keys()
            if running.started or len(moved.path) > 1 or answered or not enters:
                return moved
        entered = self._entry(retrieved, running) if enters else None
        return running if entered is None else self.walk_on(self.start(entered.scenario_id), retrieved, known)

    def walk_on(self, course: Course, retrieved: Retrieved, known: Known, *, tools_ran: int = 0) -> Course:
        """The course, continued as far as what is known allows. `tools_ran` counts the steps of its
        path whose tools have run.
        """
        walk = Walk(
            scenario=course.scenario,
            known=known.values,
            text_scores=lambda step_id: retrieval.transition_scores(
                self._runtime, retrieved.query, course.scenario.scenario_id, step_id
            ),
            thresholds=self._thresholds,
            asked="" if course.started else course.instance.step_id,
            unsettled=_unsettled(course, tools_ran),
            visits=self._visits(course.scenario) + Counter(course.path[:-1]),
            most_visits=self._limits.visits,
            most_steps=max(self._limits.walk_steps - len(course.path) + 1, 0),
        )
        return course.walked_on(walk.path(course.path[-1]))

    def judge_confidence(self, course: Course, retrieved: Retrieved) -> Course:
        """Count turns in a row in which no transition of the step came near the text."""
        scores = retrieval.transition_scores(
            self._runtime, retrieved.query, course.scenario.scenario_id, course.path[0]
        )
        lost = len(course.path) == 1 and bool(scores) and max(scores.values()) < self._thresholds.sanity
        turns = course.instance.low_confidence_turns + 1 if lost else 0
        return replace(course, low_confidence_turns=turns)

    def _entry(self, retrieved: Retrieved, running: Course | None) -> Scenario | None:
        """The scenario to enter: highest priority, then score, then id."""
        open_ids = {
            instance.scenario_id
            for instance in self._state.scenarios
            if instance.status in {ScenarioStatus.ACTIVE, ScenarioStatus.PAUSED}
        }
        if len(open_ids) >= self._limits.open and running is not None:
            return None
        scores = {
            scenario_id: score
            for scenario_id, score in retrieved.entries.items()
            if score >= self._thresholds.scenario_entry and scenario_id not in open_ids
        }
        scenarios = self._runtime.scenarios
        ranked = sorted(scores, key=lambda s: (-scenarios[s].priority, -scores[s], s))
        return scenarios[ranked[0]] if ranked else None

    def _visits(self, scenario: Scenario) -> Counter[str]:
        since = self._state.turn_index + 1 - self._limits.visits_turns
        return Counter(
            visit.step_id
            for visit in self._state.step_history
            if visit.scenario_id == scenario.scenario_id and visit.turn_index > since
        )


def _unsettled(course: Course, tools_ran: int) -> frozenset[str]:
    """Variables that tools of the path may still set this turn."""
    finished = () if course.started or tools_ran else course.instance.finished_tools
    return frozenset(
        name
        for step in course.steps[tools_ran:]
        for binding in step.tool_bindings
        if binding.tool_name not in finished
        for name in binding.result_variables
    )
