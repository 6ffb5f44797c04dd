from dataclasses import replace

from focal_pipeline.core import tool_plan
from focal_pipeline.domain.bundle import Scenario, SideEffect, Step
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import ScenarioInstance
from focal_pipeline.domain.tools import Call, Origin
from focal_pipeline.domain.turn import PriorEffect, Turn
from tests.fakes import pipeline as fakes

ORIGIN = Origin(scenario_id="s", step_id="pay")
PLANNED = fakes.planned("pay", SideEffect.IRREVERSIBLE, origin=ORIGIN)
CALL = Call("pay", '{"amount":"59.90"}', SideEffect.IRREVERSIBLE, "grp_0")
COURSE = Course(Scenario("s", steps=(Step("ask"), Step("pay"))), ScenarioInstance("s", "ask"), ("ask", "pay"))


def planned(turn: Turn) -> Turn:
    """Another attempt of the turn, with the plan of the first."""
    made = tool_plan.artifact(turn, 3, {"x": 1}, COURSE, [(PLANNED, CALL)])
    return replace(turn, artifacts=(made,))


def test_a_plan_is_read_as_it_was_written() -> None:
    plan = tool_plan.stored(planned(fakes.make_turn("yes")))
    assert plan is not None
    assert (plan.config_version, plan.message_ids, dict(plan.values)) == (3, ("m1",), {"x": 1})
    assert (plan.scenario_id, plan.path, plan.started) == ("s", ("ask", "pay"), False)
    found = plan.call_of(PLANNED)
    assert found is not None
    assert (found.arguments_json, found.turn_group_id, found.occurrence) == (CALL.arguments_json, "grp_0", 1)


def test_a_tool_of_another_step_is_not_in_the_plan() -> None:
    plan = tool_plan.stored(planned(fakes.make_turn("yes")))
    assert plan is not None
    assert plan.call_of(replace(PLANNED, origin=Origin(scenario_id="s", step_id="ask"))) is None


def test_without_an_artifact_there_is_no_plan() -> None:
    assert tool_plan.stored(fakes.make_turn("yes")) is None


def test_a_plan_for_other_messages_counts_only_once_something_happened() -> None:
    again = planned(fakes.make_turn("yes"))
    other = replace(again, messages=(*again.messages, *fakes.make_turn("a", "b").messages[1:]))
    assert tool_plan.stored(other) is None
    acted = replace(other, prior_effects=(PriorEffect("pay", SideEffect.IRREVERSIBLE, happened=True),))
    assert tool_plan.stored(acted) is not None


def test_the_same_input_gives_the_same_fingerprints() -> None:
    first = tool_plan.artifact(fakes.make_turn("yes"), 3, {}, None, [])
    second = tool_plan.artifact(fakes.make_turn("yes", attempt=2), 3, {}, None, [])
    assert first == second
    assert len(first.input_fingerprint) == 16
