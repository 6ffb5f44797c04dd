"""The real openai client against the model double: the chain, the streams and what goes wrong on the wire."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from focal.pipeline.v1 import pipeline_service_pb2 as pb
from focal.toolbox.v1 import tool_pb2
from tests.doubles import openai_server
from tests.doubles.model_script import Fault, Reply, ToolCall
from tests.fakes import compiled_bundle, pipeline_peers
from tests.fakes.until import until

LARGE, SMALL = "double-large", "double-small"


@pytest.fixture
async def double() -> AsyncIterator[openai_server.OpenAIDouble]:
    async with openai_server.running() as running:
        yield running


def llm(double: openai_server.OpenAIDouble, **more: Any) -> dict[str, Any]:
    return {"base_url": double.base_url, "model": LARGE, "fallback_models": [SMALL], **more}


@pytest.fixture
async def mesh(double: openai_server.OpenAIDouble) -> AsyncIterator[pipeline_peers.Mesh]:
    async with pipeline_peers.mesh(llm=llm(double)) as running:
        yield running


def asked(double: openai_server.OpenAIDouble) -> list[str]:
    return [request.model for request in double.requests if request.path == "chat"]


async def test_a_reply_is_shown_piece_by_piece(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    double.chat.add("Good morning! What can I do for you today?")
    attempt = await mesh.customer().say("hello")
    assert attempt.reply == "Good morning! What can I do for you today?"
    assert attempt.shown == attempt.reply
    assert len(attempt.of("text")) > 1
    assert [text.sequence for text in attempt.of("text")] == list(range(1, len(attempt.of("text")) + 1))


async def test_a_gateway_without_watchers_gets_no_pieces(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    double.chat.add("Good morning!")
    attempt = await mesh.customer().say("hello", wants_text_deltas=False)
    assert attempt.reply == "Good morning!"
    assert not attempt.of("text")


async def test_calls_tokens_and_characters_are_counted(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    usage = (await mesh.customer().say("hello")).result.usage
    assert usage.llm_calls == 1
    assert list(usage.models) == [LARGE]
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    assert usage.prompt_characters == sum(
        len(message["content"]) for message in double.requests[0].body["messages"]
    )


async def test_the_prompt_holds_rules_history_and_suggested_wording(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    await mesh.customer().say("what are your opening hours?")
    prompt = double.requests[0].prompt
    assert "You work at the returns desk" in prompt
    assert "The desk answers from 9 to 18" in prompt
    assert "return window" in prompt
    assert double.requests[0].last_user_text == "what are your opening hours?"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, retry_after_s=30),
        Fault(status=500),
        Fault(body="not json at all"),
        Fault(cut_after=0),
    ],
    ids=["429", "500", "broken body", "cut at once"],
)
async def test_a_model_that_fails_hands_over_to_the_next(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble, fault: Fault
) -> None:
    double.chat.add(Reply(text="never seen", fault=fault))
    double.chat.add("The small one answers.")
    attempt = await mesh.customer().say("hello")
    assert attempt.reply == "The small one answers."
    assert asked(double) == [LARGE, SMALL]
    assert attempt.result.usage.llm_calls == 2
    assert [event["model"] for event in attempt.events("infra.brain.model_failed")] == [LARGE]


async def test_text_shown_before_a_cut_is_not_repeated_and_the_reply_is_whole(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    double.chat.add(Reply(text="Let me tell you about our", fault=Fault(cut_after=4)))
    double.chat.add("We open at nine.")
    attempt = await mesh.customer().say("hello")
    assert attempt.reply == "We open at nine."
    assert attempt.shown
    assert "Let me tell you about our".startswith(attempt.shown)
    assert "nine" not in attempt.shown


async def test_when_every_model_fails_the_offline_model_answers(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    double.chat.add(Reply(fault=Fault(status=503)), times=None)
    attempt = await mesh.customer().say("what are your opening hours?")
    assert attempt.reply.startswith("We answer from 9")
    assert list(attempt.result.usage.models) == ["offline"]
    assert attempt.result.usage.llm_calls == 2


async def test_a_model_that_hangs_is_given_up_after_its_time(double: openai_server.OpenAIDouble) -> None:
    slow = llm(double, generation={"timeout_s": 0.3})
    async with pipeline_peers.mesh(llm=slow) as mesh:
        double.chat.add(Reply(fault=Fault(hang=True)))
        double.chat.add("Here I am.")
        attempt = await mesh.customer().say("hello")
        assert attempt.reply == "Here I am."
        assert attempt.events("infra.brain.model_failed")[0]["reason"] == "timeout"


async def test_an_unreachable_endpoint_is_no_obstacle() -> None:
    gone = {"base_url": "http://127.0.0.1:9/v1", "model": LARGE}
    async with pipeline_peers.mesh(llm=gone) as mesh:
        attempt = await mesh.customer().say("what are your opening hours?")
        assert attempt.reply.startswith("We answer from 9")
        assert attempt.events("infra.brain.model_failed")[0]["reason"] == "unreachable"


async def test_an_exclusive_template_asks_no_model(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    customer = mesh.customer()
    await customer.say("I want to return order 10003, it is broken")
    before = len(asked(double))
    assert (await customer.say("yes")).reply.startswith("Done:")
    assert len(asked(double)) == before


async def test_an_effect_in_doubt_asks_no_model(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    customer = mesh.customer()
    await customer.say("I want to return order 10003, it is broken")
    before = len(asked(double))
    mesh.toolbox.answers["refund_order"] = {"status": tool_pb2.TOOL_STATUS_IN_DOUBT}
    assert "We are checking" in (await customer.say("yes")).reply
    assert len(asked(double)) == before


def structured(value: object) -> Callable[[Any], Reply | None]:
    """Answers requests for structured output, and leaves the rest to the double."""
    return lambda request: Reply(text=json.dumps(value)) if "response_format" in request.body else None


async def test_values_that_patterns_miss_are_read_by_a_model(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    customer = mesh.customer()
    double.chat.answer_by(structured({"return_reason": None}))
    await customer.say("I want to return order 10003")
    double.requests.clear()
    double.chat.answer_by(structured({"return_reason": "changed_mind"}))
    attempt = await customer.say("my partner bought the same thing already")
    assert "create_return_label" in [tool.tool_name for tool in attempt.result.tools]
    forms = [r.body["response_format"] for r in double.requests if "response_format" in r.body]
    assert [list(form["json_schema"]["schema"]["properties"]) for form in forms] == [["return_reason"]]
    assert attempt.result.usage.llm_calls == 2


@pytest.mark.parametrize(
    "answer",
    [{"return_reason": 7}, {"other": "x"}, {"return_reason": "no such reason"}, {"return_reason": None}],
)
async def test_what_does_not_fit_the_form_is_not_taken(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble, answer: dict[str, Any]
) -> None:
    double.chat.answer_by(structured(answer))
    customer = mesh.customer()
    await customer.say("I want to return order 10003")
    attempt = await customer.say("my partner bought the same thing already")
    assert not attempt.result.tools
    assert "return_reason" not in customer.state.variables_json


async def test_no_model_may_say_yes_before_the_question_was_asked(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    double.chat.answer_by(structured({"refund_confirmed": True}))
    await mesh.customer().say("I want to return order 10003, it is broken")
    assert "refund_order" not in mesh.toolbox.names()


def fills(order_id: str) -> Callable[[Any], Reply | None]:
    """Answers forced tool calls with this order number."""
    call = ToolCall(name="get_order", arguments=json.dumps({"order_id": order_id}))
    return lambda request: Reply(tool_calls=(call,)) if "tools" in request.body else None


async def test_arguments_that_variables_do_not_give_are_filled_by_a_forced_call(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    double.chat.answer_by(fills("10003"))
    customer = mesh.customer()
    await customer.say("where is my order ##10003")
    assert [json.loads(call.call.arguments_json) for call in mesh.toolbox.calls] == [{"order_id": "10003"}]
    forced = next(request.body for request in double.requests if "tools" in request.body)
    assert forced["tool_choice"] == {"type": "function", "function": {"name": "get_order"}}
    assert customer.state.variables_json["order_id"] == '"10003"'


@pytest.mark.parametrize("made_up", ["99999", "no number"], ids=["not written", "off schema"])
async def test_arguments_that_a_model_made_up_are_not_used(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble, made_up: str
) -> None:
    double.chat.answer_by(fills(made_up))
    attempt = await mesh.customer().say("where is my order?")
    assert mesh.toolbox.names() == []
    assert [event["reason"] for event in attempt.events("infra.brain.model_failed")] == [
        "off_schema",
        "off_schema",
    ]


async def test_a_message_during_generation_cuts_the_stream(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    # Half a minute, of which the customer shall not wait for more than the first words.
    double.chat.add(Reply(text="word " * 60, fault=Fault(token_delay_s=0.5)))
    attempt = await mesh.customer().begin("hello")
    reading = asyncio.create_task(attempt.finish())
    await until(lambda: attempt.of("text"), "the first text was shown")
    await attempt.state("no, wait")
    await asyncio.wait_for(reading, 10)
    assert attempt.frames[-1].WhichOneof("frame") == "decision"


async def test_leaving_the_call_closes_the_stream_to_the_model(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    double.chat.add(Reply(text="one two three", fault=Fault(hang=True)))
    attempt = await mesh.customer().begin("hello")
    await until(lambda: asked(double), "the model was asked")
    attempt.call.cancel()

    def nobody_waits() -> bool:
        return not [task for task in asyncio.all_tasks() if task.get_name() in {"listen", "run"}]

    await until(nobody_waits, "no task of the turn is left")
    double.chat.add("Fresh.")
    assert (await mesh.customer().say("hello")).reply == "Fresh."


async def test_the_bundle_chooses_models_and_temperature_per_call_site(
    double: openai_server.OpenAIDouble,
) -> None:
    def choose(path: str, text: str) -> str:
        own = "\nmodels:\n  generation: {models: [double-small], temperature: 0.2, max_tokens: 77}\n"
        return text + own if path == "agent.yaml" else text

    bundle = await compiled_bundle.compiled(edit=choose)
    async with pipeline_peers.mesh(bundle=bundle, llm=llm(double)) as mesh:
        await mesh.customer().say("hello")
        found = await mesh.stub().DescribeAgent(
            pb.DescribeAgentRequest(agent_id=pipeline_peers.AGENT), timeout=5
        )
        assert list(found.model_chain) == [SMALL, "offline"]
    body = double.requests[0].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == (SMALL, 0.2, 77)
