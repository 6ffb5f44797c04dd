from dataclasses import replace
from typing import Any

import pytest

from focal_pipeline.core import response_plan, templates
from focal_pipeline.core.response_plan import Findings, ResponsePlan, ResponseType
from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.core.templates import Templates
from focal_pipeline.domain.bundle import (
    Rule,
    Scenario,
    SideEffect,
    Step,
    StepType,
    Template,
    TemplateMode,
    Tool,
    Variable,
)
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import ScenarioInstance
from focal_pipeline.domain.tools import Call, Origin, Outcome, Ran, Status
from focal_pipeline.domain.turn import Outcome as TurnOutcome
from tests.fakes import pipeline as fakes

EXCLUSIVE = TemplateMode.EXCLUSIVE
STEPS = (
    Step("ask", type=StepType.QUESTION, collects=("x",), template_ids=("question",)),
    Step("act", template_ids=("acted",)),
    Step("check", collects=("ok",), is_checkpoint=True),
    Step("done", is_terminal=True, template_ids=("done",)),
)
SCENARIO = Scenario("s", steps=STEPS, entry_step_id="ask")
TEMPLATES = (
    Template("question", "Which x?"),
    Template("acted", "Made {label}."),
    Template("done", "Paid {amount}.", mode=EXCLUSIVE),
    Template("answer", "We open at nine."),
)
TOOLS = [
    fakes.tool("look"),
    fakes.tool("pay", SideEffect.IRREVERSIBLE),
    fakes.tool("call_human", categories=frozenset({"escalation"})),
    fakes.tool("pass_on", categories=frozenset({"handoff"})),
]
VARIABLES = [Variable("x", prompt="Tell me x of {y}."), Variable("ok", prompt="All right?")]
RUNTIME = fakes.compiled(scenarios=[SCENARIO], templates=TEMPLATES, tools=TOOLS, variables=VARIABLES)
RULE = Rule("open", "when", "Say when we open.", template_ids=("answer",))


def course(*path: str, started: bool = False) -> Course:
    return Course(SCENARIO, ScenarioInstance("s", path[0]), path, started)


def ran(name: str, status: Status = Status.SUCCESS, *, step: str = "", rule: str = "", **more: Any) -> Ran:
    policy = SideEffect.IRREVERSIBLE if name == "pay" else SideEffect.PURE
    group = more.pop("group", "grp_1")
    scenario = "s" if step else ""
    return Ran(
        fakes.planned(name, policy, origin=Origin(rule, scenario, step)),
        Call(name, "{}", policy, group),
        Outcome(name, status, **more),
    )


def plan(
    *, at: Course | None = None, rules: tuple[Rule, ...] = (), tools: tuple[Ran, ...] = (), **known: Any
) -> ResponsePlan:
    matched = [Matched(rule, None if rule.always else 0.9) for rule in rules]
    made = Templates(RUNTIME, known, at.scopes if at else (), "en")
    return response_plan.plan(Findings(RUNTIME, known, matched, at, tools, "grp_1"), made)


def test_a_rule_brings_its_text() -> None:
    made = plan(rules=(RULE,))
    assert (made.type, made.suggestions, made.outcome) == (
        ResponseType.ANSWER,
        ("We open at nine.",),
        TurnOutcome.RESOLVED,
    )


def test_the_waiting_step_asks_in_its_own_words() -> None:
    made = plan(at=course("ask"))
    assert (made.type, made.asks, made.asked_variable) == (ResponseType.ASK, ("Which x?",), "x")
    assert made.outcome is TurnOutcome.PARTIAL


def test_a_checkpoint_asks_for_confirmation_by_the_variables_prompt() -> None:
    made = plan(at=course("check"))
    assert (made.type, made.asks) == (ResponseType.CONFIRM, ("All right?",))


def test_the_question_of_a_step_that_was_walked_through_is_answered() -> None:
    made = plan(at=course("ask", "act", "check"), x=1, label="L1")
    assert made.suggestions == ("Made L1.",)
    assert made.asks == ("All right?",)


def test_an_exclusive_text_replaces_every_wording() -> None:
    made = plan(
        at=course("check", "done"), rules=(RULE,), tools=(ran("pay", step="done"),), ok=True, amount=5
    )
    assert made.fixed == "Paid 5."


def test_an_exclusive_text_without_its_values_is_not_used() -> None:
    assert plan(at=course("check", "done"), ok=True).fixed is None


@pytest.mark.parametrize(
    ("status", "fixed"),
    [
        (Status.ERROR, templates.FAILED),
        (Status.REFUSED, templates.FAILED),
        (Status.IN_DOUBT, templates.IN_DOUBT),
        (Status.STARTED, templates.STARTED),
    ],
)
def test_an_effect_that_did_not_succeed_is_never_called_done(status: Status, fixed: str) -> None:
    made = plan(at=course("check", "done"), tools=(ran("pay", status, step="done"),), ok=True, amount=5)
    assert made.fixed == fixed


def test_doubt_is_told_before_failure() -> None:
    tools = (ran("pay", Status.ERROR, step="done"), ran("pay", Status.IN_DOUBT, step="done"))
    assert plan(at=course("done"), tools=tools).fixed == templates.IN_DOUBT


def test_an_older_doubt_leaves_room_for_what_else_is_asked() -> None:
    old = ran("pay", Status.IN_DOUBT, step="done", group="grp_0")
    made = plan(at=course("done"), rules=(RULE,), tools=(old,))
    assert made.fixed == f"We open at nine. {templates.IN_DOUBT}"


def test_a_look_up_that_failed_silences_the_texts_of_its_rule() -> None:
    made = plan(rules=(RULE,), tools=(ran("look", Status.ERROR, rule="open"),))
    assert made.suggestions == ()
    assert made.failed
    assert made.fixed is None
    assert made.outcome is TurnOutcome.UNRESOLVED


@pytest.mark.parametrize(
    ("tool", "expected"), [("call_human", ResponseType.ESCALATE), ("pass_on", ResponseType.HANDOFF)]
)
def test_giving_the_conversation_away_outranks_a_question(tool: str, expected: ResponseType) -> None:
    made = plan(at=course("ask"), tools=(ran(tool),))
    assert made.type is expected
    assert made.outcome is TurnOutcome.REDIRECTED


def test_a_refused_look_up_refuses() -> None:
    assert plan(tools=(ran("look", Status.REFUSED),)).type is ResponseType.REFUSE


def test_a_rule_beside_a_scenario_is_a_mixed_reply() -> None:
    assert plan(at=course("done"), rules=(RULE,)).type is ResponseType.MIXED


def test_guidance_has_its_places_filled_and_results_are_stated() -> None:
    rule = Rule("r", "when", "Say it is {status}.", always=True)
    made = plan(rules=(rule,), tools=(ran("look", result={"a": 1}),), status="here")
    assert made.guidance == ("Say it is here.",)
    assert made.results == ('look: {"a":1}',)


def test_a_variable_without_a_prompt_is_asked_for_by_its_name() -> None:
    assert plan(at=course("check")).asked_variable == "ok"
    assert plan(at=Course(SCENARIO, ScenarioInstance("s", "ask"), ("ask",)), y=1).asks == ("Which x?",)


OFF = replace(fakes.tool("pay", SideEffect.IRREVERSIBLE), enabled=False, description="Pays back.")
PAYS = Rule(
    "pays", "when", "Say that it is paid.", template_ids=("answer",), tool_bindings=(fakes.binding("pay"),)
)


def plan_without_pay(
    tool: Tool, *rules: Rule, at: Course | None = None, texts: tuple[Template, ...] = TEMPLATES
) -> ResponsePlan:
    """A plan of an agent for which the tool is not enabled."""
    runtime = fakes.compiled(scenarios=[SCENARIO], templates=texts, tools=[tool], variables=VARIABLES)
    matched = [Matched(rule, 0.9) for rule in rules]
    made = Templates(runtime, {}, (), "en")
    return response_plan.plan(Findings(runtime, {}, matched, at, (), "grp_1"), made)


def test_an_effect_that_is_not_enabled_is_never_called_done() -> None:
    made = plan_without_pay(OFF, PAYS)
    assert (made.fixed, made.suggestions) == (templates.NOT_ENABLED, ())
    assert (made.type, made.outcome) == (ResponseType.REFUSE, TurnOutcome.UNRESOLVED)
    assert "pay (Pays back.) exists, but is not enabled here" in " ".join(made.guidance)
    own = Template("pay_not_enabled", "Our colleagues pay back.")
    assert plan_without_pay(OFF, PAYS, texts=(*TEMPLATES, own)).fixed == "Our colleagues pay back."


def test_a_look_up_that_is_not_enabled_silences_the_texts_of_its_rule_alone() -> None:
    made = plan_without_pay(replace(OFF, policy=SideEffect.PURE), PAYS)
    assert (made.fixed, made.suggestions, made.statements, made.failed) == (None, (), (), True)
    both = plan_without_pay(replace(OFF, policy=SideEffect.PURE), PAYS, RULE)
    assert both.suggestions == ("We open at nine.",)


def test_a_tool_whose_variables_are_missing_is_not_withheld_yet() -> None:
    waiting = replace(PAYS, tool_bindings=(fakes.binding("pay", required_variables=("amount",)),))
    assert plan_without_pay(OFF, waiting).suggestions == ("We open at nine.",)


def test_steps_that_were_arrived_at_withhold_too() -> None:
    steps = tuple(
        replace(step, tool_bindings=(fakes.binding("pay"),)) if step.step_id == "done" else step
        for step in STEPS
    )
    scenario = replace(SCENARIO, steps=steps)
    at = Course(scenario, ScenarioInstance("s", "act"), ("act", "done"))
    assert plan_without_pay(OFF, at=at).fixed == templates.NOT_ENABLED
    resting = Course(scenario, ScenarioInstance("s", "act"), ("act",))
    assert plan_without_pay(OFF, at=resting).fixed is None
