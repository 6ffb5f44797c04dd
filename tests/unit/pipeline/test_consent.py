"""A call that needs a yes, from the question to what becomes of it, over whole turns."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from focal_kernel import canonical_json
from focal_kernel.clock import ManualClock
from focal_pipeline.core.consent import Consent
from focal_pipeline.core.interrupts import Interrupts, Superseded
from focal_pipeline.core.run_turn import Brain
from focal_pipeline.core.runtimes import Runtimes
from focal_pipeline.domain import tools
from focal_pipeline.domain.bundle import (
    Rule,
    Scenario,
    SideEffect,
    Step,
    Template,
    TemplateMode,
    Transition,
    Variable,
)
from focal_pipeline.domain.session import ScenarioStatus, SessionState, WaitingCall
from focal_pipeline.domain.tools import Outcome, Question, Reply, Status
from focal_pipeline.domain.turn import Cause, Message, Result, Turn
from focal_pipeline.domain.turn import Outcome as TurnOutcome
from focal_pipeline.settings import ConsentSettings, LlmSettings, PipelineSettings
from tests.fakes import pipeline as fakes

IRREVERSIBLE = SideEffect.IRREVERSIBLE


@dataclass
class CarefulToolbox(fakes.Toolbox):
    """Asks before each call of `asks`, and carries it out once for each yes."""

    asks: set[str] = field(default_factory=lambda: {"pay"})
    for_operator: bool = False
    accepted: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    async def execute(
        self, context: tools.Context, call: tools.Call, on_started: Callable[[str], Awaitable[None]]
    ) -> Outcome:
        if call.tool_name in self.asks:
            confirmation_id = f"cnf {call.arguments_json}"
            if confirmation_id not in self.accepted:
                question = Question(confirmation_id, f"Shall I {call.arguments_json}?", self.for_operator)
                reason = "APPROVAL_REQUIRED" if self.for_operator else "CONFIRMATION_REQUIRED"
                return Outcome(call.tool_name, Status.REFUSED, error_reason=reason, question=question)
            self.accepted.discard(confirmation_id)
            self.done.append(call.arguments_json)
        return await super().execute(context, call, on_started)

    async def confirm(self, session_id: str, reply: Reply) -> None:
        await super().confirm(session_id, reply)
        if reply.accepted:
            self.accepted.add(reply.confirmation_id)


@dataclass
class Talk:
    """A conversation: each turn begins with the state that the one before ended with."""

    bundle: Any
    models: fakes.Models | None = None
    toolbox: CarefulToolbox = field(default_factory=CarefulToolbox)
    output: fakes.Output = field(default_factory=fakes.Output)
    state: SessionState = field(default_factory=SessionState)
    turns: int = 0

    async def say(self, *texts: str, **more: Any) -> Result:
        return await self.think(self.turn(*texts, **more))

    def turn(self, *texts: str, **more: Any) -> Turn:
        self.turns += 1
        made = fakes.make_turn(*texts, state=self.state, **more)
        return replace(made, turn_group_id=f"grp_{self.turns}")

    async def think(self, turn: Turn, interrupts: Interrupts | None = None) -> Result:
        source = fakes.Bundles()
        source.publish(self.bundle)
        clock = ManualClock()
        runtimes = Runtimes(source, fakes.EMBEDDER, size=9, ttl_s=9, timer=clock.monotonic)
        llm = LlmSettings(model="first" if self.models else "", base_url="http://localhost")
        settings = PipelineSettings(llm=llm)
        brain = Brain(runtimes, fakes.EMBEDDER, self.toolbox, fakes.Memory(), self.models, settings, clock)
        result = await brain.run(turn, interrupts or Interrupts(turn, self.output, limit=5), self.output)
        self.state = result.state
        return result

    @property
    def scenario(self) -> ScenarioStatus:
        return self.state.scenarios[-1].status


DESK = fakes.bundle(
    variables=[Variable("order", pattern=r"(\d{5})", prompt="Which order?")],
    tools=[fakes.tool("pay", IRREVERSIBLE)],
    templates=[
        Template("paid", "Paid for {order}.", TemplateMode.EXCLUSIVE),
        Template("pay_declined", "Kept, then."),
    ],
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
                    tool_bindings=(fakes.binding("pay", arguments={"order": "{order}"}),),
                    template_ids=("paid",),
                ),
            ),
        ),
        Scenario("other", entry_conditions=("ja",), entry_step_id="x", steps=(Step("x", is_terminal=True),)),
    ],
)
ASKED = 'Shall I {"order":"10003"}?'


async def test_a_call_that_needs_a_yes_is_asked_about_word_for_word() -> None:
    talk = Talk(DESK)
    result = await talk.say("send it back", "10003")
    assert (result.reply, result.outcome) == ((ASKED,), TurnOutcome.PARTIAL)
    assert result.expects_more_input
    assert talk.scenario is ScenarioStatus.ACTIVE
    waiting = talk.state.waiting
    assert waiting == WaitingCall(
        'cnf {"order":"10003"}', "pay", '{"order":"10003"}', ASKED, scenario_id="s", step_id="pay"
    )
    [asked] = [event for event in talk.output.events if event.type == "confirmation.requested"]
    assert asked.payload["confirmation_id"] == 'cnf {"order":"10003"}'
    assert asked.payload["prompt"] == ASKED
    assert "policy.refused" not in talk.output.names


async def test_a_model_does_not_word_the_question() -> None:
    talk = Talk(DESK, fakes.Models({"first": "I will refund you a million."}))
    assert (await talk.say("send it back", "10003")).reply == (ASKED,)


@pytest.mark.parametrize("words", ["Yes, please.", "ja", "yes please", "👍"])
async def test_after_a_yes_the_same_call_is_made(words: str) -> None:
    talk = Talk(DESK)
    await talk.say("send it back", "10003")
    result = await talk.say(words)
    assert talk.toolbox.replies == [Reply('cnf {"order":"10003"}', True, "grp_2")]
    assert talk.toolbox.done == ['{"order":"10003"}']
    assert result.reply == ("Paid for 10003.",)
    assert (talk.scenario, talk.state.waiting) == (ScenarioStatus.COMPLETED, None)
    assert [each.scenario_id for each in talk.state.scenarios] == ["s"], "a yes opens no other scenario"


async def test_after_a_no_nothing_is_done() -> None:
    talk = Talk(DESK)
    await talk.say("send it back", "10003")
    result = await talk.say("No, thanks.")
    assert talk.toolbox.replies == [Reply('cnf {"order":"10003"}', False, "grp_2")]
    assert talk.toolbox.done == []
    assert result.reply == ("Kept, then.",)
    assert (talk.scenario, talk.state.waiting) == (ScenarioStatus.CANCELLED, None)


@pytest.mark.parametrize("words", ["How long does it take?", "Yes. Or no?", "hm"])
async def test_anything_else_is_no_answer_and_the_question_is_put_again(words: str) -> None:
    talk = Talk(DESK)
    await talk.say("send it back", "10003")
    assert (await talk.say(words)).reply == (ASKED,)
    assert (talk.toolbox.replies, talk.toolbox.done) == ([], [])
    await talk.say("yes")
    assert talk.toolbox.done == ['{"order":"10003"}']


async def test_the_newest_word_counts() -> None:
    talk = Talk(DESK)
    await talk.say("send it back", "10003")
    await talk.say("yes", "no, stop")
    assert [reply.accepted for reply in talk.toolbox.replies] == [False]


async def test_a_yes_to_another_call_than_the_one_that_is_due_is_no_yes() -> None:
    """Break: leave the look at the arguments out of `Consent.settle`."""
    talk = Talk(DESK)
    await talk.say("send it back", "10003")
    result = await talk.say("Yes, but it is 10004")
    assert result.reply == ('Shall I {"order":"10004"}?',)
    assert (talk.toolbox.replies, talk.toolbox.done) == ([], [])


async def test_a_yes_before_the_question_agrees_to_nothing() -> None:
    talk = Talk(DESK)
    assert (await talk.say("yes, send it back", "10003", "yes")).reply == (ASKED,)
    assert talk.toolbox.done == []


async def test_a_question_that_the_reply_does_not_put_is_not_open() -> None:
    """Doubt is told first; a yes to something else must not be taken for this. Break: leave the look at
    `asked_about` out of `staging._waiting`.
    """
    talk = Talk(MAILING)
    talk.toolbox.outcomes["post"] = fakes.in_doubt("post")
    result = await talk.say("pay it 10003")
    assert ASKED not in result.reply[0]
    assert talk.state.waiting is None


async def test_a_model_reads_what_the_words_do_not_tell() -> None:
    talk = Talk(DESK, fakes.Models({"first": {"customer_agrees": True}}))
    await talk.say("send it back", "10003")
    await talk.say("go ahead then")
    assert talk.toolbox.done == ['{"order":"10003"}']


async def test_a_replayed_attempt_keeps_the_answer_of_the_first() -> None:
    """Break: leave `agreed` out of the plan."""
    talk = Talk(DESK, fakes.Models({"first": {"customer_agrees": True}}))
    await talk.say("send it back", "10003")
    state = talk.state
    first = talk.turn("go ahead then")
    await talk.think(first)
    plan = [a for a in talk.output.artifacts if a.name == "tool_plan"][-1]
    assert canonical_json.loads(plan.data_json)["agreed"] is True
    talk.models = fakes.Models({"first": {"customer_agrees": False}})
    await talk.think(replace(first, state=state, artifacts=(plan,), attempt=2))
    assert [reply.accepted for reply in talk.toolbox.replies] == [True, True]
    assert len({reply.request_id for reply in talk.toolbox.replies}) == 1


async def test_the_answer_is_recorded_only_once_no_message_waits() -> None:
    """Break: settle before the look at pending messages in `ToolRunning`."""
    talk = Talk(DESK)
    await talk.say("send it back", "10003")
    turn = talk.turn("yes")
    interrupts = Interrupts(turn, talk.output, limit=5)
    store = talk.output.store

    async def regret(artifact: Any) -> None:
        interrupts.state([Message("m2", "no, stop!")])
        await store(artifact)

    talk.output.store = regret  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        await talk.think(turn, interrupts)
    assert talk.toolbox.replies == []


async def test_an_answer_that_was_given_by_other_means_lets_the_call_pass() -> None:
    talk = Talk(DESK)
    await talk.say("send it back", "10003")
    talk.toolbox.accepted.add('cnf {"order":"10003"}')
    told = {"confirmation_id": 'cnf {"order":"10003"}', "accepted": True}
    result = await talk.say(cause=Cause.OPERATOR, trigger=told)
    assert result.reply == ("Paid for 10003.",)
    assert talk.toolbox.replies == []


async def test_an_operators_yes_is_not_the_customers_to_give() -> None:
    talk = Talk(DESK, toolbox=CarefulToolbox(for_operator=True))
    asked = await talk.say("send it back", "10003")
    assert asked.reply[0].startswith("A colleague has to agree")
    again = await talk.say("yes")
    assert again.reply == asked.reply
    assert (talk.toolbox.replies, talk.toolbox.done) == ([], [])
    assert talk.scenario is ScenarioStatus.ACTIVE


RULES = fakes.bundle(
    variables=[Variable("order", pattern=r"(\d{5})")],
    tools=[fakes.tool("pay", IRREVERSIBLE), fakes.tool("look")],
    templates=[Template("paid", "It is paid.")],
    rules=[
        Rule(
            "a",
            "pay it",
            "Pay.",
            template_ids=("paid",),
            tool_bindings=(fakes.binding("look"), fakes.binding("pay", arguments={"order": "{order}"})),
        )
    ],
)


MAILING = fakes.bundle(
    variables=[Variable("order", pattern=r"(\d{5})")],
    tools=[fakes.tool("pay", IRREVERSIBLE), fakes.tool("post", SideEffect.COMPENSATABLE)],
    rules=[
        Rule(
            "a",
            "pay it",
            "Pay.",
            tool_bindings=(
                fakes.binding("post", critical=False),
                fakes.binding("pay", arguments={"order": "{order}"}),
            ),
        )
    ],
)


@pytest.mark.parametrize(("words", "done", "reply"), [("yes", 1, "It is paid."), ("no", 0, "All right")])
async def test_a_rules_call_is_remembered_although_the_answer_does_not_match_the_rule(
    words: str, done: int, reply: str
) -> None:
    talk = Talk(RULES)
    assert (await talk.say("pay it 10003")).reply == (ASKED,)
    looked = talk.toolbox.names.count("look")
    answer = await talk.say(words)
    assert len(talk.toolbox.done) == done
    assert answer.reply[0].startswith(reply)
    assert talk.toolbox.names.count("look") == looked, "only the call that waited is made"


async def test_a_rules_question_is_not_open_for_ever() -> None:
    talk = Talk(RULES)
    await talk.say("pay it 10003")
    await talk.say("hello")
    await talk.say("yes")
    assert talk.toolbox.done == []


@pytest.mark.parametrize(
    ("prompt", "text", "agreed"),
    [
        ("Shall I cancel it?", "Yes, cancel it", True),
        ("Shall I cancel it?", "No, do not cancel", False),
        ("Shall I pay?", "Yes, cancel it", None),
        ("Shall I pay?", "yesterday", None),
        ("Shall I pay?", "I know", None),
        ("Shall I pay?", "Je suis d'accord", True),
        ("Shall I pay?", "はい", True),
        ("Shall I pay?", "no problem", False),
    ],
)
async def test_what_counts_as_an_answer(prompt: str, text: str, agreed: bool | None) -> None:
    state = SessionState(waiting=WaitingCall("cnf_1", "pay", "{}", prompt))
    turn = fakes.make_turn(text, state=state)
    consent = Consent(turn, fakes.compiled(), ConsentSettings())
    chain: Any = type("Offline", (), {"empty": True})()
    await consent.read(chain, chain)
    assert consent.agreed is agreed
