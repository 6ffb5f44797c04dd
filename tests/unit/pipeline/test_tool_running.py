import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from focal_pipeline import errors
from focal_pipeline.core import tool_plan
from focal_pipeline.core.bound_tools import Group
from focal_pipeline.core.consent import Consent
from focal_pipeline.core.interrupts import Interrupts, Superseded
from focal_pipeline.core.known import Known
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.tool_arguments import Arguments
from focal_pipeline.core.tool_running import Attempt, ToolRunning
from focal_pipeline.domain.bundle import Agent, Scenario, SideEffect, Step, Tool
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import ScenarioInstance, SessionState
from focal_pipeline.domain.tools import Origin, Outcome, Planned, Status
from focal_pipeline.domain.turn import Decision, Message, Turn
from focal_pipeline.settings import ConsentSettings, LlmSettings, ToolSettings
from tests.fakes import pipeline as fakes
from tests.fakes.until import until

TOOLS = [
    *(fakes.tool(name) for name in ("look", "see", "peek")),
    fakes.tool("label", SideEffect.IDEMPOTENT),
    fakes.tool("pay", SideEffect.IRREVERSIBLE),
]
POLICIES = {tool.name: tool.policy for tool in TOOLS}


class Desk:
    """A tool run with its fakes at hand."""

    def __init__(
        self,
        turn: Turn | None = None,
        tools: Sequence[Tool] = TOOLS,
        output: fakes.Output | None = None,
        **known: Any,
    ) -> None:
        self.toolbox, self.output = fakes.Toolbox(), output or fakes.Output()
        self.turn = turn or fakes.make_turn("yes")
        self.known = Known({}, known)
        self.interrupts = Interrupts(self.turn, self.output, limit=5)
        runtime = fakes.compiled(tools=tools)
        plan = tool_plan.stored(self.turn)
        consent = Consent(self.turn, runtime, ConsentSettings())
        attempt = Attempt(self.turn, runtime, plan, self.known, self.interrupts, self.output, consent)
        chain = ModelChain(None, LlmSettings(), Agent("desk"), self.output)
        arguments = Arguments(chain, Prompts(self.turn, runtime), {}, self.known, fills=0)
        self.running = ToolRunning(attempt, self.toolbox, arguments, ToolSettings())

    async def run(
        self, *groups: Sequence[Planned], course: Course | None = None, step: str = "s"
    ) -> str | None:
        return await self.running.run([Group(step, tuple(group)) for group in groups], course)

    @property
    def statuses(self) -> list[tuple[str, str]]:
        return [(ran.planned.tool_name, ran.outcome.status.value) for ran in self.running.ran]


def bound(name: str, **more: Any) -> Planned:
    made: Planned = fakes.planned(name, POLICIES[name], **more)
    return made


async def test_independent_look_ups_run_side_by_side() -> None:
    desk = Desk()
    assert await desk.run([bound("look"), bound("see"), bound("peek")]) is None
    assert desk.toolbox.most_at_once == 3


async def test_effects_run_one_by_one_and_after_the_look_ups() -> None:
    desk = Desk()
    await desk.run([bound("pay"), bound("label"), bound("look")])
    assert desk.toolbox.names == ["look", "pay", "label"]
    assert desk.toolbox.most_at_once == 1


async def test_a_tool_waits_for_what_it_depends_on() -> None:
    desk = Desk()
    await desk.run([bound("look", depends_on=("see",)), bound("see", depends_on=("peek",)), bound("peek")])
    assert desk.toolbox.names == ["peek", "see", "look"]


async def test_a_tool_whose_dependency_failed_does_not_run() -> None:
    desk = Desk()
    desk.toolbox.outcomes["see"] = fakes.failure("see")
    await desk.run([bound("see", critical=False), bound("look", depends_on=("see",), critical=False)])
    assert desk.toolbox.names == ["see"]


async def test_a_critical_failure_ends_the_tools_and_names_the_step() -> None:
    desk = Desk()
    desk.toolbox.outcomes["look"] = fakes.failure("look")
    assert await desk.run([bound("look")], [bound("see")], step="here") == "here"
    assert desk.toolbox.names == ["look"]


async def test_a_failure_that_is_not_critical_stops_nothing() -> None:
    desk = Desk()
    desk.toolbox.outcomes["look"] = fakes.failure("look")
    assert await desk.run([bound("look", critical=False)], [bound("see")]) is None
    assert desk.statuses == [("look", "error"), ("see", "success")]


async def test_arguments_come_from_variables_with_their_types() -> None:
    desk = Desk(order_id="10003", count=2)
    await desk.run([bound("look", arguments={"id": "{order_id}", "n": "{count}", "t": "no. {count}"})])
    assert desk.toolbox.calls[0].arguments_json == '{"id":"10003","n":2,"t":"no. 2"}'


async def test_a_tool_that_lacks_a_variable_does_not_run() -> None:
    desk = Desk()
    assert await desk.run([bound("look", required_variables=("order_id",))]) is None
    assert not desk.toolbox.calls


async def test_results_become_variables_for_the_tools_that_follow() -> None:
    desk = Desk()
    desk.toolbox.outcomes["look"] = fakes.success("look", {"order": {"total": "59.90"}})
    await desk.run(
        [bound("look", result_variables={"amount": "order.total", "nothing": "order.x"})],
        [bound("pay", arguments={"amount": "{amount}"}, required_variables=("amount",))],
    )
    assert desk.toolbox.calls[1].arguments_json == '{"amount":"59.90"}'
    assert "nothing" not in desk.known.values


async def test_a_failed_look_up_forgets_what_an_earlier_one_found() -> None:
    desk = Desk(status="delivered")
    desk.toolbox.outcomes["look"] = fakes.failure("look")
    await desk.run([bound("look", result_variables={"status": "status"}, critical=False)])
    assert "status" not in desk.known.values


async def test_an_equal_call_is_made_once_and_serves_both() -> None:
    desk = Desk()
    desk.toolbox.outcomes["look"] = fakes.success("look", {"v": 1})
    await desk.run(
        [bound("look", result_variables={"a": "v"})],
        [bound("look", result_variables={"b": "v"})],
    )
    assert len(desk.toolbox.calls) == 1
    assert (desk.known.values["a"], desk.known.values["b"]) == (1, 1)


async def test_the_plan_is_durable_before_the_first_effect() -> None:
    desk = Desk()
    desk.output.stored_gate = asyncio.Event()
    running = asyncio.create_task(desk.run([bound("look")], [bound("pay")]))
    await until(lambda: desk.output.artifacts, "the plan was sent")
    assert desk.toolbox.names == ["look"]
    desk.output.stored_gate.set()
    await running
    assert desk.toolbox.names == ["look", "pay"]


async def test_effects_known_together_are_stored_once_and_later_ones_added() -> None:
    desk = Desk()
    await desk.run([bound("label"), bound("pay")])
    assert len(desk.output.artifacts) == 1
    desk = Desk()
    await desk.run([bound("label")], [bound("pay")])
    assert [a.data_json.count('"tool"') for a in desk.output.artifacts] == [1, 2]


async def test_a_message_before_the_effect_supersedes_and_the_effect_does_not_happen() -> None:
    desk = Desk()
    desk.output.stored_gate = asyncio.Event()
    running = asyncio.create_task(desk.run([bound("pay")]))
    await until(lambda: desk.output.artifacts, "the plan was sent")
    desk.output.stored_gate.set()
    desk.interrupts.state([Message("m2", "stop")])
    with pytest.raises(Superseded):
        await running
    assert not desk.toolbox.calls


async def test_a_message_that_arrives_while_another_is_decided_about_is_decided_about_too() -> None:
    """Break: look once before the effect instead of until nothing is undecided."""

    class Slow(fakes.Output):
        async def decision(self, decision: Decision) -> None:
            await super().decision(decision)
            if len(self.decisions) == 1:
                desk.interrupts.state([Message("m3", "and quickly")])

    desk = Desk(output=Slow())
    desk.interrupts.note_effect(SideEffect.IDEMPOTENT, fakes.success("label"))
    desk.interrupts.state([Message("m2", "thanks")])
    await desk.run([bound("pay")])
    assert [decision.message_ids for decision in desk.output.decisions] == [("m2",), ("m3",)]
    assert desk.toolbox.contexts[0].no_pending_messages


async def test_a_call_says_whether_messages_wait() -> None:
    """Break: state it from the policy."""
    desk = Desk()
    desk.interrupts.note_effect(SideEffect.IDEMPOTENT, fakes.success("label"))
    desk.toolbox.before = lambda _call: desk.interrupts.state([Message("m2", "thanks")])
    await desk.run([bound("look"), bound("peek")])
    assert [context.no_pending_messages for context in desk.toolbox.contexts] == [True, False]


async def test_a_fenced_look_up_among_others_stops_the_attempt() -> None:
    desk = Desk()
    desk.toolbox.held["see"] = asyncio.Event()

    def fenced(call: Any) -> None:
        if call.tool_name == "look":
            raise errors.Fenced

    desk.toolbox.before = fenced
    with pytest.raises(errors.Fenced):
        await desk.run([bound("see"), bound("look")])


async def test_a_stored_call_is_made_as_stored_whatever_is_known_now() -> None:
    first = Desk(amount="59.90")
    pay = bound("pay", arguments={"amount": "{amount}"})
    await first.run([pay])
    again = replace(first.turn, artifacts=tuple(first.output.artifacts))
    second = Desk(again, amount="1.00")
    await second.run([pay])
    assert second.toolbox.calls == first.toolbox.calls
    assert not second.output.artifacts


async def test_an_effect_in_doubt_is_asked_for_under_its_own_group() -> None:
    instance = ScenarioInstance("s", "paying", doubtful_tools={"pay": "grp_old"})
    desk = Desk(fakes.make_turn("news?", state=SessionState(scenarios=(instance,))))
    origin = Origin(scenario_id="s", step_id="paying")
    await desk.run([bound("pay", origin=origin)])
    assert desk.toolbox.calls[0].turn_group_id == "grp_old"


async def test_a_step_that_was_left_is_held_up_by_a_tool_that_lacks_a_value() -> None:
    steps = (Step("one"), Step("two"))
    course = Course(Scenario("s", steps=steps), ScenarioInstance("s", "one"), ("one", "two"))
    lacking = bound("look", required_variables=("x",))
    assert await Desk().run([lacking], course=course, step="one") == "one"
    assert await Desk().run([lacking], course=course, step="two") is None


async def test_a_call_still_running_elsewhere_is_no_success() -> None:
    desk = Desk()
    desk.toolbox.outcomes["label"] = Outcome("label", Status.STARTED)
    assert await desk.run([bound("label")], step="here") == "here"
    assert desk.running.ran[0].outcome.doubtful
