"""What an operator's moves do to a session, and what they must not."""

from dataclasses import replace

from focal_pipeline.core import moves
from focal_pipeline.core.moves import Fate
from focal_pipeline.domain.bundle import Scenario, Step
from focal_pipeline.domain.session import ScenarioInstance, ScenarioMove, ScenarioStatus, SessionState
from tests.fakes import pipeline as fakes

STEPS = (Step("ask"), Step("end", is_terminal=True))
RUNTIME = fakes.compiled(
    scenarios=[Scenario(name, entry_step_id="ask", steps=STEPS) for name in ("return", "exchange")]
)
RUNS = ScenarioInstance("return", "ask", started_at_turn=3, finished_tools=("look",))
WAITS = ScenarioInstance("exchange", "ask", ScenarioStatus.PAUSED, 2)


def made(*asked: ScenarioMove, before: tuple[ScenarioInstance, ...] = (WAITS, RUNS)) -> moves.Made:
    return moves.make(SessionState(scenarios=before, turn_index=7, moves=asked), RUNTIME)


def standing(after: moves.Made) -> list[tuple[str, str, ScenarioStatus]]:
    return [(i.scenario_id, i.step_id, i.status) for i in after.state.scenarios]


def test_a_forced_scenario_runs_and_the_one_that_ran_waits_behind_it() -> None:
    after = made(ScenarioMove("exchange", "end"))
    assert standing(after) == [
        ("return", "ask", ScenarioStatus.PAUSED),
        ("exchange", "end", ScenarioStatus.ACTIVE),
    ]
    active = after.state.active
    assert active is not None
    assert (active.started_at_turn, active.updated_at_turn) == (2, 8)
    assert after.fates == ((ScenarioMove("exchange", "end"), Fate.FORCED),)
    assert after.state.moves == ()


def test_a_scenario_forced_to_where_it_stands_keeps_what_its_tools_have_done() -> None:
    assert made(ScenarioMove("return", "ask")).state.active == RUNS
    active = made(ScenarioMove("return", "end")).state.active
    assert active is not None
    assert (active.finished_tools, active.started_at_turn) == ((), 3)


def test_a_scenario_that_is_left_ends_and_the_one_behind_it_goes_on() -> None:
    after = made(ScenarioMove("return"))
    assert standing(after) == [
        ("return", "ask", ScenarioStatus.CANCELLED),
        ("exchange", "ask", ScenarioStatus.ACTIVE),
    ]


def test_moves_are_made_in_order() -> None:
    after = made(ScenarioMove("return"), ScenarioMove("return", "ask"))
    assert after.state.active == ScenarioInstance("return", "ask", started_at_turn=8, updated_at_turn=8)
    assert [fate for _, fate in after.fates] == [Fate.LEFT, Fate.FORCED]


def test_a_move_to_what_the_bundle_does_not_have_changes_nothing() -> None:
    unknown = (ScenarioMove("returns", "ask"), ScenarioMove("return", "asks"), ScenarioMove("refund"))
    after = made(*unknown)
    assert after.state == replace(made().state, moves=())
    assert [fate for _, fate in after.fates] == [Fate.IGNORED] * 3
