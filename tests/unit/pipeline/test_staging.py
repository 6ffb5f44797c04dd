from typing import Any

import pytest

from focal_pipeline.core import staging
from focal_pipeline.core.response_plan import ResponsePlan, ResponseType
from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.core.staging import Happened
from focal_pipeline.domain.bundle import Rule, Scenario, SideEffect, Step, Variable
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import ScenarioInstance, ScenarioStatus, SessionState, StepVisit
from focal_pipeline.domain.tools import Call, Origin, Outcome, Ran, Status
from focal_pipeline.settings import ScenarioSettings
from tests.fakes import pipeline as fakes

ACTIVE, PAUSED = ScenarioStatus.ACTIVE, ScenarioStatus.PAUSED
COMPLETED, CANCELLED = ScenarioStatus.COMPLETED, ScenarioStatus.CANCELLED
STEPS = (
    Step("ask", collects=("x",)),
    Step("check", is_checkpoint=True, collects=("ok",)),
    Step("pay", is_terminal=True, tool_bindings=(fakes.binding("pay"),)),
)
RUNTIME = fakes.compiled(
    scenarios=[Scenario("s", steps=STEPS, entry_step_id="ask"), Scenario("t", steps=STEPS)],
    variables=[Variable("x", scenario_scoped=True), Variable("ok"), Variable("other", scenario_scoped=True)],
)
ANSWER = ResponsePlan(ResponseType.ANSWER)
LIMITS = ScenarioSettings()


def instance(
    step: str = "ask", scenario: str = "s", status: ScenarioStatus = ACTIVE, **more: Any
) -> ScenarioInstance:
    return ScenarioInstance(scenario, step, status, **more)


def course(of: ScenarioInstance, *path: str, started: bool = False) -> Course:
    return Course(RUNTIME.scenarios[of.scenario_id], of, path, started)


def ran(status: Status, policy: SideEffect = SideEffect.IRREVERSIBLE, group: str = "grp_1") -> Ran:
    origin = Origin(scenario_id="s", step_id="pay")
    planned = fakes.planned("pay", policy, origin=origin)
    return Ran(planned, Call("pay", "{}", policy, group), Outcome("pay", status, effect_id="eff_1"))


def after(
    *instances: ScenarioInstance,
    at: Course | None = None,
    tools: tuple[Ran, ...] = (),
    variables: dict[str, Any] | None = None,
    plan: ResponsePlan = ANSWER,
    matched: tuple[Matched, ...] = (),
    limits: ScenarioSettings = LIMITS,
    **state: Any,
) -> SessionState:
    before = SessionState(scenarios=instances, **{"turn_index": 4, **state})
    happened = Happened(RUNTIME, before, variables or {}, matched, at, tools, plan)
    return staging.next_state(happened, limits)


def test_a_turn_counts_and_fires_its_rules() -> None:
    state = after(matched=(Matched(Rule("a"), 0.9), Matched(Rule("b"), None)), rule_fire_counts={"a": 2})
    assert state.turn_index == 5
    assert state.rule_fire_counts == {"a": 3, "b": 1}
    assert state.rule_last_turn == {"a": 5, "b": 5}


def test_a_scenario_moves_and_its_arrivals_are_remembered() -> None:
    here = instance(finished_tools=("look",))
    state = after(here, at=course(here, "ask", "check"))
    assert (state.scenarios[0].step_id, state.scenarios[0].finished_tools) == ("check", ())
    assert state.step_history == (StepVisit("s", "check", 5, is_checkpoint=True),)


def test_the_entry_step_of_a_scenario_that_starts_is_an_arrival() -> None:
    fresh = instance()
    state = after(at=course(fresh, "ask", started=True))
    assert [visit.step_id for visit in state.step_history] == ["ask"]


def test_history_and_instances_are_kept_up_to_their_limits() -> None:
    visits = tuple(StepVisit("s", "ask", n) for n in range(50))
    here = instance()
    ended = [instance("pay", status=COMPLETED, started_at_turn=n) for n in range(3)]
    limits = ScenarioSettings(instances=2)
    state = after(*ended, here, at=course(here, "ask", "check"), step_history=visits, limits=limits)
    assert len(state.step_history) == 50
    assert state.step_history[-1].step_id == "check"
    assert [i.started_at_turn for i in state.scenarios] == [2, 0]


def test_a_terminal_step_whose_tools_succeeded_completes_the_scenario() -> None:
    here = instance("check")
    state = after(here, at=course(here, "check", "pay"), tools=(ran(Status.SUCCESS),))
    assert state.scenarios[0].status is COMPLETED
    assert state.active is None


def test_values_of_a_scenario_go_with_it() -> None:
    here = instance("check")
    variables = {"x": 1, "ok": True, "other": 2}
    state = after(here, at=course(here, "check", "pay"), tools=(ran(Status.SUCCESS),), variables=variables)
    assert state.variables == {"ok": True, "other": 2}


def test_an_effect_in_doubt_keeps_the_scenario_on_its_step_with_its_group() -> None:
    here = instance("check")
    state = after(here, at=course(here, "check", "pay"), tools=(ran(Status.IN_DOUBT),))
    assert (state.scenarios[0].status, state.scenarios[0].step_id) == (ACTIVE, "pay")
    assert state.scenarios[0].doubtful_tools == {"pay": "grp_1"}


def test_a_doubt_that_was_cleared_is_forgotten() -> None:
    here = instance("pay", doubtful_tools={"pay": "grp_0"})
    state = after(here, at=course(here, "pay"), tools=(ran(Status.CACHED, group="grp_0"),))
    assert state.scenarios[0].doubtful_tools == {}
    assert state.scenarios[0].finished_tools == ("pay",)
    assert state.scenarios[0].status is COMPLETED


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        (SideEffect.IRREVERSIBLE, CANCELLED),
        (SideEffect.COMPENSATABLE, CANCELLED),
        (SideEffect.IDEMPOTENT, ACTIVE),
    ],
)
def test_an_effect_that_failed_is_not_made_later_without_a_fresh_yes(
    policy: SideEffect, status: ScenarioStatus
) -> None:
    here = instance("check")
    state = after(here, at=course(here, "check", "pay"), tools=(ran(Status.ERROR, policy),))
    assert (state.scenarios[0].status, state.scenarios[0].step_id) == (status, "pay")


def test_a_scenario_that_starts_puts_the_running_one_behind_itself() -> None:
    running, fresh = instance(), instance(scenario="t")
    state = after(running, at=course(fresh, "ask", started=True))
    assert [(i.scenario_id, i.status) for i in state.scenarios] == [("s", PAUSED), ("t", ACTIVE)]


def test_its_end_brings_the_latest_paused_one_back() -> None:
    waiting, here = instance(scenario="t", status=PAUSED), instance("check")
    state = after(waiting, here, at=course(here, "check", "pay"), tools=(ran(Status.SUCCESS),))
    assert [(i.scenario_id, i.status) for i in state.scenarios] == [("s", COMPLETED), ("t", ACTIVE)]
    assert state.active is state.scenarios[-1]


def test_a_scenario_that_the_bundle_lost_is_cancelled() -> None:
    state = after(instance(scenario="gone"), instance("gone"), instance("pay", status=COMPLETED))
    assert [i.status for i in state.scenarios] == [CANCELLED, CANCELLED, COMPLETED]


def test_the_hint_says_what_is_waited_for() -> None:
    here = instance()
    asking = ResponsePlan(ResponseType.ASK, asks=("Which x?",), asked_variable="x")
    hint = after(here, at=course(here, "ask"), plan=asking).hint
    assert (hint.awaiting_required_field, hint.expects_followup, hint.expected_input_type) == (
        True,
        True,
        "x",
    )
    assert after().hint.expects_followup is False


def test_tool_uses_are_recorded_in_the_contracts_words() -> None:
    statuses = [Status.SUCCESS, Status.CACHED, Status.ERROR, Status.REFUSED, Status.IN_DOUBT, Status.STARTED]
    recorded = [use.status for use in staging.tool_uses(map(ran, statuses))]
    assert recorded == ["success", "cached", "error", "error", "in_doubt", "in_doubt"]


@pytest.mark.parametrize(
    ("undoable", "status", "left"),
    [
        ({}, Status.SUCCESS, ()),
        ({"eff_1": "pay"}, Status.CACHED, ()),
        ({"eff_0": "pay", "eff_1": "pay"}, Status.SUCCESS, ("eff_0",)),
        ({"eff_0": "pay", "eff_1": "pay"}, Status.ERROR, ("eff_0",)),
        # Nobody knows whether the doubtful call met the earlier effect.
        ({"eff_0": "pay", "eff_9": "hold"}, Status.IN_DOUBT, ("eff_9",)),
    ],
)
def test_effects_that_no_call_of_the_turn_met_are_left(
    undoable: dict[str, str], status: Status, left: tuple[str, ...]
) -> None:
    assert staging.left_effects(undoable, [ran(status, SideEffect.COMPENSATABLE)]) == left


def test_a_turn_that_calls_nothing_leaves_every_effect() -> None:
    assert staging.left_effects({"eff_2": "hold", "eff_1": "pay"}, []) == ("eff_2", "eff_1")
