"""The real client against the double: every shape of answer and every way to fail."""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests.doubles import openai_server
from tests.doubles.model_script import Fault, Reply, ToolCall
from tests.doubles.openai_server import OpenAIDouble

HELLO: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "be kind"},
    {"role": "user", "content": "hello there"},
]
REFUND: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "refund",
        "parameters": {
            "type": "object",
            "properties": {"order": {"type": "string"}, "amount": {"type": "number"}},
            "required": ["order", "amount"],
        },
    },
}


class Verdict(BaseModel):
    applies: bool
    rule_ids: list[str]
    reason: str


@pytest.fixture
async def double() -> AsyncIterator[OpenAIDouble]:
    async with openai_server.running() as running:
        yield running


@pytest.fixture
async def client(double: OpenAIDouble) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=double.base_url, api_key="k", timeout=10, max_retries=0) as client:
        yield client


async def ask(client: openai.AsyncOpenAI) -> str | None:
    answer = await client.chat.completions.create(model="m", messages=HELLO)
    return answer.choices[0].message.content


async def stream_text(client: openai.AsyncOpenAI) -> list[str]:
    stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
    return [c.choices[0].delta.content or "" async for c in stream if c.choices]


async def test_without_a_script_the_answer_is_an_echo(client: openai.AsyncOpenAI) -> None:
    assert await ask(client) == "You said: hello there"
    assert "".join(await stream_text(client)) == "You said: hello there"


async def test_a_streamed_answer_comes_token_by_token_and_ends_with_its_usage(
    double: OpenAIDouble, client: openai.AsyncOpenAI
) -> None:
    double.chat.add("one two\nthree")
    stream = await client.chat.completions.create(
        model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    pieces = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
    assert pieces == ["one", " two", "\nthree"]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


async def test_script_lines_answer_in_order_and_by_what_the_prompt_holds(
    double: OpenAIDouble, client: openai.AsyncOpenAI
) -> None:
    double.chat.add("never", when="refund")
    double.chat.add("first", times=2)
    double.chat.add("always", when="hello", times=None)
    assert [await ask(client) for _ in range(4)] == ["first", "first", "always", "always"]


async def test_a_rule_answers_what_no_line_does(double: OpenAIDouble, client: openai.AsyncOpenAI) -> None:
    double.chat.answer_by(lambda asked: Reply(text=asked.last_user_text.upper()))
    double.chat.add("line")
    assert [await ask(client), await ask(client)] == ["line", "HELLO THERE"]


async def test_tool_calls_are_whole_or_streamed_in_fragments(
    double: OpenAIDouble, client: openai.AsyncOpenAI
) -> None:
    calls = (
        ToolCall(name="refund", arguments='{"order":"10003","amount":59.9}'),
        ToolCall(name="label", arguments="{}"),
    )
    double.chat.add(Reply(tool_calls=calls), times=2)
    whole = await client.chat.completions.create(model="m", messages=HELLO, tools=[REFUND])
    assert whole.choices[0].finish_reason == "tool_calls"
    assert [c.function.arguments for c in whole.choices[0].message.tool_calls or []] == [  # type: ignore[union-attr]
        call.arguments for call in calls
    ]

    collected: dict[int, str] = {}
    stream = await client.chat.completions.create(model="m", messages=HELLO, tools=[REFUND], stream=True)
    fragments = 0
    async for chunk in stream:
        for call in chunk.choices[0].delta.tool_calls or []:
            fragments += 1
            assert call.function is not None
            collected[call.index] = collected.get(call.index, "") + (call.function.arguments or "")
    assert collected == {0: calls[0].arguments, 1: "{}"}
    assert fragments > 4


async def test_a_required_tool_is_called_with_arguments_of_its_schema(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="m", messages=HELLO, tools=[REFUND], tool_choice="required"
    )
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert json.loads(call.function.arguments) == {"order": "", "amount": 0}


async def test_structured_output_fits_its_schema_without_a_script(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.parse(model="m", messages=HELLO, response_format=Verdict)
    assert answer.choices[0].message.parsed == Verdict(applies=False, rule_ids=[], reason="")


async def test_a_rate_limit_carries_retry_after(double: OpenAIDouble, client: openai.AsyncOpenAI) -> None:
    double.chat.add(Reply(fault=Fault(status=429, retry_after_s=2)))
    with pytest.raises(openai.RateLimitError) as caught:
        await ask(client)
    assert caught.value.response.headers["retry-after"] == "2"


async def test_the_client_survives_one_500_by_retrying(
    double: OpenAIDouble, client: openai.AsyncOpenAI
) -> None:
    double.chat.add(Reply(fault=Fault(status=500)))
    assert await ask(client.with_options(max_retries=1)) == "You said: hello there"
    assert double.counts["chat"]["count"] == 2


async def test_a_stream_that_is_cut_raises_after_its_first_tokens(
    double: OpenAIDouble, client: openai.AsyncOpenAI
) -> None:
    double.chat.add(Reply(text="one two three four", fault=Fault(cut_after=3)))
    stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
    seen = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
    assert seen == ["", "one", " two"]
    with pytest.raises(openai.APIConnectionError):
        await anext(stream)


async def test_a_whole_answer_that_is_cut_is_a_connection_error(
    double: OpenAIDouble, client: openai.AsyncOpenAI
) -> None:
    double.chat.add(Reply(fault=Fault(cut_after=0)))
    with pytest.raises(openai.APIConnectionError):
        await ask(client)


async def test_a_model_that_never_answers_runs_into_the_clients_timeout(
    double: OpenAIDouble, client: openai.AsyncOpenAI
) -> None:
    double.chat.add(Reply(fault=Fault(hang=True)))
    with pytest.raises(openai.APITimeoutError):
        await ask(client.with_options(timeout=0.2))
    assert await ask(client) == "You said: hello there"


async def test_a_slow_first_token_delays_a_stream(double: OpenAIDouble, client: openai.AsyncOpenAI) -> None:
    double.chat.add(Reply(text="late", fault=Fault(first_token_delay_s=0.3)))
    began = time.monotonic()
    assert "".join(await stream_text(client)) == "late"
    assert time.monotonic() - began >= 0.3


async def test_broken_json_reaches_the_client_as_it_is(
    double: OpenAIDouble, client: openai.AsyncOpenAI
) -> None:
    double.chat.add(Reply(fault=Fault(body='{"choices": [')))
    with pytest.raises(json.JSONDecodeError):
        await ask(client)


async def test_a_request_without_messages_is_refused(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="messages"):
        await client.chat.completions.create(model="m", messages=[])


async def test_a_wrong_key_is_refused_where_one_is_asked_for() -> None:
    async with (
        openai_server.running(api_key="right") as double,
        openai.AsyncOpenAI(base_url=double.base_url, api_key="wrong", max_retries=0) as client,
    ):
        with pytest.raises(openai.AuthenticationError):
            await ask(client)


async def test_requests_are_counted_and_kept(double: OpenAIDouble, client: openai.AsyncOpenAI) -> None:
    await ask(client)
    await client.embeddings.create(model="e", input=["ab", "cd"])
    assert double.counts["chat"] == {"count": 1, "prompt_characters": len("be kind\nhello there")}
    assert [asked.path for asked in double.requests] == ["chat", "embeddings"]
    assert double.requests[0].body["messages"] == HELLO


async def test_models_are_listed(client: openai.AsyncOpenAI) -> None:
    assert "double-large" in [model.id async for model in client.models.list()]


async def test_the_control_endpoints_script_count_and_reset(
    double: OpenAIDouble, client: openai.AsyncOpenAI
) -> None:
    root = double.base_url.removesuffix("/v1")
    async with httpx.AsyncClient(base_url=root) as control:
        lines = [{"reply": {"text": "scripted"}, "when": "hello", "times": None}]
        assert (await control.post("/control/script/chat", json=lines)).json() == {"added": 1}
        assert await ask(client) == "scripted"
        recorded = (await control.get("/control/requests")).json()
        assert recorded["chat"]["count"] == 1
        assert recorded["requests"][0]["prompt"] == "be kind\nhello there"
        await control.post("/control/reset")
        assert (await control.get("/control/requests")).json()["chat"]["count"] == 0
        assert await ask(client) == "You said: hello there"
        refused = await control.post("/control/script/chat", json=[{"reply": {"txt": "?"}}])
        assert refused.status_code == 400


def test_it_runs_as_a_process_from_any_folder(tmp_path: Path) -> None:
    script = Path(openai_server.__file__)
    process = subprocess.Popen(
        [sys.executable, str(script), "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        assert httpx.get(f"{base_url}/models", timeout=5).status_code == 200
    finally:
        process.terminate()
        process.wait(timeout=10)
