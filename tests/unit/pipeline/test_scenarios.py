from typing import Any

import numpy as np

from focal_embedding import Thresholds
from focal_pipeline.core.known import Known
from focal_pipeline.core.retrieval import Retrieved
from focal_pipeline.core.scenarios import Scenarios
from focal_pipeline.domain.bundle import Scenario, Step, Transition
from focal_pipeline.domain.session import ScenarioInstance, ScenarioStatus, SessionState, StepVisit
from focal_pipeline.settings import ScenarioSettings
from tests.fakes import pipeline as fakes

ASK = Step("ask", collects=("x",), transitions=(Transition("end"), Transition("end", "cancel it")))
TWO = (ASK, Step("end", is_terminal=True))
RUNTIME = fakes.compiled(
    scenarios=[
        Scenario("low", entry_conditions=("one",), entry_step_id="ask", steps=TWO),
        Scenario("high", entry_conditions=("two",), entry_step_id="ask", steps=TWO, priority=5),
    ]
)


def retrieved(text: str = "", **entries: float) -> Retrieved:
    query = fakes.EMBEDDER.vector(text) if text else np.zeros(fakes.EMBEDDER.dimensions, np.float32)
    return Retrieved(query, np.zeros(0, np.float32), entries)


def scenarios(*instances: ScenarioInstance, **more: Any) -> Scenarios:
    state = SessionState(scenarios=instances, turn_index=7, **more)
    return Scenarios(RUNTIME, state, Thresholds(), ScenarioSettings())


def known(**values: Any) -> Known:
    made = Known({}, {})
    made.set(values)
    return made


RUNNING = ScenarioInstance("low", "ask", started_at_turn=3)


def test_nothing_starts_below_the_threshold() -> None:
    assert scenarios().choose(retrieved(low=0.64), known()) is None


def test_the_scenario_of_higher_priority_starts() -> None:
    course = scenarios().choose(retrieved(low=0.9, high=0.7), known())
    assert course is not None
    assert (course.scenario.scenario_id, course.started, course.path) == ("high", True, ("ask",))
    assert course.instance.started_at_turn == 8


def test_what_is_known_already_is_walked_through_at_the_start() -> None:
    course = scenarios().choose(retrieved(low=0.9), known(x=1))
    assert course is not None
    assert course.path == ("ask", "end")
    assert course.entered == ("ask", "end")


def test_a_running_scenario_that_moves_is_not_left_for_another() -> None:
    course = scenarios(RUNNING).choose(retrieved(high=0.9), known(x=1))
    assert course is not None
    assert (course.scenario.scenario_id, course.path, course.started) == ("low", ("ask", "end"), False)


def test_a_running_scenario_that_stands_still_gives_way() -> None:
    course = scenarios(RUNNING).choose(retrieved(high=0.9), known())
    assert course is not None
    assert (course.scenario.scenario_id, course.started) == ("high", True)


def test_a_scenario_that_is_open_does_not_start_again() -> None:
    course = scenarios(RUNNING).choose(retrieved(low=0.99), known())
    assert course is not None
    assert not course.started


def test_a_completed_one_may_start_again() -> None:
    done = ScenarioInstance("low", "end", ScenarioStatus.COMPLETED)
    course = scenarios(done).choose(retrieved(low=0.99), known())
    assert course is not None
    assert course.started


def test_a_step_that_the_bundle_lost_is_nowhere() -> None:
    assert scenarios(ScenarioInstance("low", "gone")).current() is None
    assert scenarios(ScenarioInstance("gone", "ask")).current() is None


def test_visits_of_recent_turns_count_against_a_loop() -> None:
    visits = tuple(StepVisit("low", "end", turn) for turn in range(3, 8))
    course = scenarios(RUNNING, step_history=visits).choose(retrieved(), known(x=1))
    assert course is not None
    assert course.path == ("ask",)


def test_turns_far_from_every_transition_are_counted() -> None:
    lost = ScenarioInstance("low", "ask", low_confidence_turns=1)
    found = scenarios(lost)
    course = found.current()
    assert course is not None
    assert found.judge_confidence(course, retrieved("zebra")).low_confidence_turns == 2
    assert found.judge_confidence(course, retrieved("cancel it")).low_confidence_turns == 0
