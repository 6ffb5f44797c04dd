"""Messages that come during a turn, and what its attempt does about them."""

import asyncio
import json
from typing import Any

import pytest

from focal_pipeline.core.interrupts import Interrupts, Superseded
from focal_pipeline.domain.bundle import (
    Rule,
    SideEffect,
    Variable,
)
from focal_pipeline.domain.tools import Call
from focal_pipeline.domain.turn import Action, InterruptPoint, Message
from tests.fakes import pipeline as fakes
from tests.fakes.pipeline_mind import ORDERS, Mind
from tests.fakes.until import until


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
