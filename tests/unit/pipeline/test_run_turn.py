import asyncio
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from focal_kernel.clock import ManualClock
from focal_pipeline.core import templates
from focal_pipeline.core.interrupts import Interrupts, Superseded
from focal_pipeline.core.judging import Signals
from focal_pipeline.core.run_turn import PHASES, Brain
from focal_pipeline.core.runtimes import Runtimes
from focal_pipeline.domain.bundle import (
    Bundle,
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
from focal_pipeline.domain.tools import Call
from focal_pipeline.domain.turn import Action, Cause, InterruptPoint, Message, Outcome, Result, Turn
from focal_pipeline.ports import Recalled, Verdict
from focal_pipeline.settings import ArtifactSettings, LlmSettings, PipelineSettings
from tests.fakes import pipeline as fakes
from tests.fakes.until import until


class Mind:
    """A brain over one bundle with its fakes at hand."""

    def __init__(self, bundle: Bundle, models: fakes.Models | None = None, worth_ms: float = 50) -> None:
        source = fakes.Bundles()
        source.publish(bundle)
        self.toolbox, self.memory = fakes.Toolbox(), fakes.Memory()
        self.output = fakes.Output()
        clock = ManualClock()
        runtimes = Runtimes(source, fakes.EMBEDDER, size=9, ttl_s=9, timer=clock.monotonic)
        llm = LlmSettings(model="first" if models else "", base_url="http://localhost")
        settings = PipelineSettings(llm=llm, artifacts=ArtifactSettings(worth_ms=worth_ms))
        self.counted: Counter[tuple[str, str]] = Counter()
        self.brain = Brain(
            runtimes,
            fakes.EMBEDDER,
            self.toolbox,
            self.memory,
            models,
            settings,
            clock,
            Signals(settings.supersede, pattern_timeout_s=1),
            self,
        )

    def count(self, phase: str, verdict: Verdict) -> None:
        self.counted[phase, verdict.value] += 1

    def watching(self, turn: Turn) -> Interrupts:
        return Interrupts(turn, self.output, limit=5, judge=self.brain.judge)

    async def think(self, turn: Turn, interrupts: Interrupts | None = None) -> Result:
        interrupts = interrupts or self.watching(turn)
        return await self.brain.run(turn, interrupts, self.output)


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


class WritesWhenShown(fakes.Output):
    """A customer who writes again at the very moment the reply is complete."""

    interrupts: Interrupts

    def __init__(self, message: Message) -> None:
        super().__init__()
        self.message = message

    async def text(self, text: str) -> None:
        await super().text(text)
        self.interrupts.state([self.message])


async def test_a_message_before_the_commit_supersedes() -> None:
    mind, turn = Mind(fakes.bundle()), fakes.make_turn("hello")
    mind.output = output = WritesWhenShown(Message("m2", "wait"))
    output.interrupts = mind.watching(turn)
    with pytest.raises(Superseded) as caught:
        await mind.think(turn, output.interrupts)
    assert caught.value.decision.point is InterruptPoint.PRE_COMMIT


async def test_a_message_that_waits_at_the_start_supersedes_before_any_work() -> None:
    mind, turn = Mind(fakes.bundle()), fakes.make_turn("hello")
    interrupts = Interrupts(turn, mind.output, limit=5)
    interrupts.state([Message("m2", "wait")])
    with pytest.raises(Superseded) as caught:
        await mind.think(turn, interrupts)
    assert caught.value.decision.point is InterruptPoint.PRE_PROCESSING
    assert not mind.output.events


async def test_leaving_a_turn_ends_its_tool_call() -> None:
    bundle: Any = fakes.bundle(
        tools=[fakes.tool("look")], rules=[Rule("a", always=True, tool_bindings=(fakes.binding("look"),))]
    )
    mind = Mind(bundle)
    mind.toolbox.held["look"] = asyncio.Event()
    thinking = asyncio.create_task(mind.think(fakes.make_turn("hello")))
    await mind.toolbox.reached["look"].wait()
    thinking.cancel()
    await until(lambda: mind.toolbox.running == 0, "the call ended")
    with pytest.raises(asyncio.CancelledError):
        await thinking


ORDERS: Any = fakes.bundle(
    variables=[Variable("order", pattern=r"(\d{5})", prompt="Which order?")],
    tools=[fakes.tool("pay", SideEffect.IRREVERSIBLE), fakes.tool("label", SideEffect.COMPENSATABLE)],
    templates=[Template("paid", "Paid for {order}.")],
    scenarios=[
        Scenario(
            "s",
            entry_conditions=("send it back",),
            entry_step_id="ask",
            steps=(
                Step(
                    "ask", collects=("order",), transitions=(Transition("pay", condition_fields=("order",)),)
                ),
                Step(
                    "pay",
                    is_terminal=True,
                    tool_bindings=(fakes.binding("pay", required_variables=("order",)),),
                    template_ids=("paid",),
                ),
            ),
        )
    ],
)


async def test_an_answer_to_what_would_be_asked_begins_the_attempt_again() -> None:
    mind, turn = Mind(ORDERS), fakes.make_turn("send it back")
    mind.output = output = WritesWhenShown(Message("m2", "10003"))
    output.interrupts = mind.watching(turn)
    result = await mind.think(turn, output.interrupts)
    assert result.answered_message_ids == ("m1", "m2")
    assert result.reply == ("Paid for 10003.",)
    assert output.texts == ["Which order?", "Paid for 10003."]
    assert mind.toolbox.names == ["pay"]
    assert output.names.count("infra.brain.started") == 2


PICKUPS: Any = fakes.bundle(
    variables=[Variable("order", pattern=r"(\d{5})")],
    tools=[fakes.tool("pickup", SideEffect.COMPENSATABLE)],
    rules=[
        Rule(
            "a",
            "pickup",
            "Book it.",
            tool_bindings=(fakes.binding("pickup", arguments={"order": "{order}"}),),
        )
    ],
)


@pytest.mark.parametrize(("second", "left"), [("10004", ("eff_1",)), ("thank you, 10003", ())])
async def test_what_a_turn_did_before_it_began_again_is_left_unless_it_does_so_again(
    second: str, left: tuple[str, ...]
) -> None:
    mind = Mind(PICKUPS)
    turn = fakes.make_turn("pickup 10003", supersede_default=Action.ABSORB)
    interrupts = mind.watching(turn)

    def books(call: Call) -> None:
        """The ledger knows equal calls; the customer writes while the first one runs."""
        effect_id = "eff_1" if "10003" in call.arguments_json else "eff_2"
        mind.toolbox.outcomes["pickup"] = fakes.success("pickup", effect_id=effect_id)
        interrupts.state([Message("m2", second)])

    mind.toolbox.before = books
    result = await mind.think(turn, interrupts)
    assert [d.action for d in mind.output.decisions] == [Action.ABSORB]
    assert mind.toolbox.names == ["pickup", "pickup"]
    assert result.answered_message_ids == ("m1", "m2")
    assert result.left_effect_ids == left


async def test_a_courtesy_during_the_reply_is_answered_by_it() -> None:
    mind, turn = Mind(fakes.bundle(rules=[Rule("a", "hello", "Say: hi")])), fakes.make_turn("hello")
    mind.output = output = WritesWhenShown(Message("m2", "thanks!"))
    output.interrupts = mind.watching(turn)
    result = await mind.think(turn, output.interrupts)
    assert result.answered_message_ids == ("m1", "m2")
    assert output.names.count("infra.brain.started") == 1


async def test_a_message_taken_in_before_the_effect_is_part_of_the_plan() -> None:
    """A crash after the effect must answer the message that the running turn took in."""
    mind, turn = Mind(ORDERS), fakes.make_turn("send it back", "10003")
    mind.output.stored_gate = asyncio.Event()
    interrupts = mind.watching(turn)
    thinking = asyncio.create_task(mind.think(turn, interrupts))
    await until(lambda: mind.output.artifacts, "the plan was offered")
    interrupts.state([Message("m3", "please!")])
    await until(lambda: mind.output.decisions, "it was decided about")
    mind.output.stored_gate.set()
    result = await thinking
    plans = [json.loads(a.data_json)["messages"] for a in mind.output.artifacts if a.name == "tool_plan"]
    assert plans == [["m1", "m2"], ["m1", "m2", "m3"]]
    assert result.answered_message_ids == ("m1", "m2", "m3")
    assert mind.toolbox.names == ["pay"]


async def test_an_absorb_right_before_the_effect_makes_a_new_plan_and_causes_one_effect() -> None:
    mind, turn = Mind(ORDERS), fakes.make_turn("send it back", "10003")
    mind.output.stored_gate = asyncio.Event()
    interrupts = mind.watching(turn)
    thinking = asyncio.create_task(mind.think(turn, interrupts))
    await until(lambda: mind.output.artifacts, "the plan was offered")
    interrupts.state([Message("m3", "and make it quick")])
    mind.output.stored_gate.set()
    result = await thinking
    assert [d.action for d in mind.output.decisions] == [Action.ABSORB]
    assert result.answered_message_ids == ("m1", "m2", "m3")
    assert mind.toolbox.names == ["pay"]


async def test_an_absorb_during_generation_asks_the_model_again_and_counts_both_calls() -> None:
    models = fakes.Models({"first": "fine"}, gate=asyncio.Event())
    assert models.gate is not None
    mind, turn = Mind(fakes.bundle(), models), fakes.make_turn("do you sell shoes,")
    interrupts = mind.watching(turn)
    thinking = asyncio.create_task(mind.think(turn, interrupts))
    await until(lambda: models.requests, "the model was asked")
    interrupts.state([Message("m2", "blue ones?")])
    await until(lambda: len(models.requests) == 2, "it was asked again")
    models.gate.set()
    result = await thinking
    assert result.answered_message_ids == ("m1", "m2")
    assert result.usage.llm_calls == 2
    assert "blue ones?" in models.requests[1].prompt[-1].content


async def test_a_message_while_the_last_words_are_written_waits() -> None:
    long = "x" * 300
    models = fakes.Models({"first": [long, long]})
    mind, turn = Mind(fakes.bundle(), models), fakes.make_turn("opening hours?")
    mind.output = output = WritesWhenShown(Message("m2", "do you sell shoes?"))
    output.interrupts = mind.watching(turn)
    result = await mind.think(turn, output.interrupts)
    assert [d.action for d in output.decisions] == [Action.FORCE_COMPLETE]
    assert result.answered_message_ids == ("m1",)


async def test_another_attempt_reuses_what_the_first_found_and_wrote() -> None:
    """As after a crash between the last phase and the commit: same messages, same state, next attempt."""
    models, turn = fakes.Models({"first": "fine"}), fakes.make_turn("hello", attempt=1)
    first = Mind(fakes.bundle(), models, worth_ms=0)
    first.memory.said = [Recalled("I like blue", "customer")]
    await first.think(turn)
    assert [artifact.name for artifact in first.output.offered] == ["retrieval", "orchestration", "draft"]
    again = Mind(fakes.bundle(), models, worth_ms=0)
    result = await again.think(replace(turn, attempt=2, artifacts=tuple(first.output.offered)))
    assert result.reply == ("fine",)
    assert again.output.texts == ["fine"]
    assert again.memory.queries == []
    assert len(models.requests) == 1
    assert result.usage.llm_calls == 0
    assert again.counted == {("P4", "hit"): 1, ("P6", "hit"): 1, ("P9", "hit"): 1}


async def test_a_scenario_is_where_the_first_attempt_left_it() -> None:
    turn = fakes.make_turn("send it back", "10003")
    first, again = Mind(ORDERS, worth_ms=0), Mind(ORDERS, worth_ms=0)
    once = await first.think(turn)
    kept = tuple(first.output.offered)
    twice = await again.think(replace(turn, attempt=2, artifacts=kept))
    assert (twice.reply, twice.state) == (once.reply, once.state)
    assert again.counted["P6", "hit"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"scenario": "gone"},
        {"path": ["nowhere"]},
        {"path": []},
        {"values": {"unheard_of": 1}},
    ],
)
async def test_a_course_that_the_bundle_does_not_have_is_worked_out_anew(change: dict[str, Any]) -> None:
    turn = fakes.make_turn("send it back", "10003")
    first, again = Mind(ORDERS, worth_ms=0), Mind(ORDERS, worth_ms=0)
    once = await first.think(turn)
    kept = next(a for a in first.output.offered if a.name == "orchestration")
    broken = replace(kept, data_json=json.dumps({**json.loads(kept.data_json), **change}))
    twice = await again.think(replace(turn, attempt=2, artifacts=(broken,)))
    assert twice.reply == once.reply
    assert again.counted == {("P6", "invalid"): 1}


async def test_a_turn_with_more_to_say_works_out_anew() -> None:
    first, again = Mind(fakes.bundle(), worth_ms=0), Mind(fakes.bundle(), worth_ms=0)
    await first.think(fakes.make_turn("hello"))
    successor = fakes.make_turn("hello", "there", artifacts=tuple(first.output.offered), supersede_count=1)
    await again.think(successor)
    assert set(again.counted) == {("P4", "miss"), ("P6", "miss"), ("P9", "miss")}


async def test_another_version_of_the_agent_works_out_anew() -> None:
    first, again = Mind(fakes.bundle(), worth_ms=0), Mind(fakes.bundle(version=2), worth_ms=0)
    turn = fakes.make_turn("hello")
    await first.think(turn)
    await again.think(replace(turn, attempt=2, artifacts=tuple(first.output.offered)))
    assert set(again.counted) == {("P4", "miss"), ("P6", "miss"), ("P9", "miss")}


async def test_what_failed_is_not_kept() -> None:
    mind = Mind(fakes.bundle(), worth_ms=0)
    mind.memory.away = "timeout"
    await mind.think(fakes.make_turn("hello"))
    assert "retrieval" not in [artifact.name for artifact in mind.output.offered]


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
