from typing import Any

import pytest

from focal_pipeline.core import templates
from focal_pipeline.core.run_turn import PHASES
from focal_pipeline.domain.bundle import (
    Rule,
    Scenario,
    Scope,
    SideEffect,
    Step,
    Template,
    Transition,
    Variable,
)
from focal_pipeline.domain.session import ScenarioInstance, ScenarioMove, ScenarioStatus, SessionState
from focal_pipeline.domain.turn import Cause, Outcome
from tests.fakes import pipeline as fakes
from tests.fakes.pipeline_mind import Mind

BRANCHING = fakes.bundle(
    tools=[fakes.tool("look"), fakes.tool("label", SideEffect.IDEMPOTENT)],
    variables=[Variable("status")],
    templates=[Template("late", "Too late."), Template("sent", "Label {label} is on its way.")],
    scenarios=[
        Scenario(
            "s",
            entry_conditions=("send it back",),
            entry_step_id="look",
            steps=(
                Step(
                    "look",
                    tool_bindings=(fakes.binding("look", result_variables={"status": "status"}),),
                    transitions=(
                        Transition("late", condition_values={"status": '"old"'}),
                        Transition("label", condition_values={"status": '"new"'}),
                    ),
                ),
                Step("late", is_terminal=True, template_ids=("late",)),
                Step(
                    "label",
                    is_terminal=True,
                    tool_bindings=(fakes.binding("label", result_variables={"label": "label"}),),
                    template_ids=("sent",),
                ),
            ),
        )
    ],
)


@pytest.mark.parametrize(
    ("status", "reply", "tools"),
    [("old", "Too late.", ["look"]), ("new", "Label L1 is on its way.", ["look", "label"])],
)
async def test_what_a_tool_found_moves_the_scenario_on_within_the_turn(
    status: str, reply: str, tools: list[str]
) -> None:
    mind = Mind(BRANCHING)
    mind.toolbox.outcomes["look"] = fakes.success("look", {"status": status})
    mind.toolbox.outcomes["label"] = fakes.success("label", {"label": "L1"})
    result = await mind.think(fakes.make_turn("send it back"))
    assert result.reply == (reply,)
    assert mind.toolbox.names == tools


async def test_a_rule_of_a_step_holds_from_the_turn_that_arrives_there() -> None:
    rules = [Rule("here", "", "Say: welcome", scope=Scope.STEP, scope_id="s#one", always=True)]
    steps = (Step("one", collects=("x",)),)
    scenario = Scenario("s", entry_conditions=("send it back",), entry_step_id="one", steps=steps)
    mind = Mind(fakes.bundle(rules=rules, scenarios=[scenario], variables=[Variable("x", prompt="x?")]))
    assert (await mind.think(fakes.make_turn("send it back"))).matched_rule_ids == ("here",)
    assert (await mind.think(fakes.make_turn("hello"))).matched_rule_ids == ()


async def test_a_turn_goes_where_an_operator_sent_it_and_says_so() -> None:
    mind = Mind(BRANCHING)
    sent = SessionState(turn_index=3, moves=(ScenarioMove("s", "late"),))
    result = await mind.think(fakes.make_turn("hello", state=sent))
    assert result.reply == ("Too late.",)
    assert result.state.moves == ()
    assert "scenario.forced" in mind.output.names


async def test_a_move_to_an_unknown_step_leaves_the_running_scenario_alone() -> None:
    mind = Mind(BRANCHING)
    mind.toolbox.outcomes["look"] = fakes.success("look", {"status": "other"})
    running = ScenarioInstance("s", "look")
    sent = SessionState(scenarios=(running,), turn_index=3, moves=(ScenarioMove("s", "lost"),))
    result = await mind.think(fakes.make_turn("hello", state=sent))
    assert [(i.step_id, i.status) for i in result.state.scenarios] == [("look", ScenarioStatus.ACTIVE)]
    assert result.state.moves == ()
    [ignored] = [event for event in mind.output.events if event.type == "move_ignored"]
    assert ignored.payload == {"scenario": "s", "step": "lost"}


async def test_the_result_answers_the_messages_of_the_start_and_no_others() -> None:
    mind, turn = Mind(fakes.bundle(rules=[Rule("a", "hello", "Say: hi")])), fakes.make_turn("hello", "there")
    result = await mind.think(turn)
    assert result.answered_message_ids == ("m1", "m2")
    assert result.state.turn_index == 1
    assert set(result.phase_ms) == set(PHASES)


async def test_nothing_to_say_is_unresolved() -> None:
    assert (await Mind(fakes.bundle()).think(fakes.make_turn("hello"))).outcome is Outcome.UNRESOLVED


SHIPPING = fakes.bundle(
    tools=[fakes.tool("ship", SideEffect.IRREVERSIBLE)],
    variables=[Variable("parcel")],
    rules=[
        Rule(
            "always",
            "",
            "",
            always=True,
            tool_bindings=(fakes.binding("ship", result_variables={"parcel": "parcel"}),),
            template_ids=("shipped",),
        )
    ],
    templates=[Template("shipped", "Parcel {parcel} is on its way.")],
)


@pytest.mark.parametrize(
    ("report", "reply", "known"),
    [
        ({"status": "SUCCESS", "result": {"parcel": "P-7"}}, "Parcel P-7 is on its way.", {"parcel": "P-7"}),
        ({"status": "ERROR", "reason": "sold_out"}, templates.FAILED, {}),
    ],
)
async def test_a_reported_result_of_a_rules_tool_is_used_and_does_not_call_the_tool_again(
    report: dict[str, Any], reply: str, known: dict[str, Any]
) -> None:
    """The rule applies to every text, so also to the one that says that its tool has reported."""
    mind = Mind(SHIPPING)
    told = {"tool": "ship", "text": "The result of ship has come.", **report}
    result = await mind.think(fakes.make_turn(cause=Cause.TOOL_RESULT, trigger=told))
    assert (result.reply, result.state.variables) == ((reply,), known)
    assert mind.toolbox.names == []


async def test_a_tool_whose_name_sounds_like_a_wish_starts_no_scenario_by_its_report() -> None:
    mind = Mind(BRANCHING)
    told = {"tool": "send_it_back", "text": "send it back", "status": "SUCCESS", "result": None}
    reported = await mind.think(fakes.make_turn(cause=Cause.TOOL_RESULT, trigger=told))
    assert (reported.state.scenarios, mind.toolbox.names) == ((), [])
    assert reported.reply == (templates.FINISHED,)
