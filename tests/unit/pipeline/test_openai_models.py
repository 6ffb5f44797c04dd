"""What the wire can do that the model double does not."""

import httpx2
import openai
import pytest

from focal_pipeline import errors
from focal_pipeline.adapters.openai_models import OpenAIModels
from focal_pipeline.domain.models import Request, Said, ToolSpec

REQUEST = Request("large", (Said("user", "hello"),), temperature=0, max_tokens=9, timeout_s=5)
CHUNK = '{"id":"1","object":"chat.completion.chunk","created":1,"model":"large","choices":[%s]}'
WORD = CHUNK % '{"index":0,"delta":{"content":"Hello"},"finish_reason":null}'


def answering(body: str, content_type: str = "application/json") -> OpenAIModels:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, text=body, headers={"content-type": content_type})

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    return OpenAIModels(
        openai.AsyncOpenAI(base_url="http://model/v1", api_key="x", max_retries=0, http_client=http)
    )


async def test_a_stream_that_ends_without_a_finish_was_cut() -> None:
    models = answering(f"data: {WORD}\n\n", "text/event-stream")
    pieces = models.stream(REQUEST)
    assert (await anext(pieces)).text == "Hello"
    with pytest.raises(errors.StreamCut):
        await anext(pieces)


@pytest.mark.parametrize(
    "choices", ["[]", '[{"index":0,"message":{"role":"assistant"},"finish_reason":"stop"}]']
)
async def test_an_answer_without_what_was_asked_for_is_a_failure(choices: str) -> None:
    body = f'{{"id":"1","object":"chat.completion","created":1,"model":"large","choices":{choices}}}'
    with pytest.raises(errors.ModelFailed):
        await answering(body).structured(REQUEST, {})
    with pytest.raises(errors.ModelFailed):
        await answering(body).call_tool(REQUEST, ToolSpec("look", ""))


async def test_an_error_inside_a_stream_is_a_failure() -> None:
    models = answering('data: {"error":{"message":"overloaded"}}\n\n', "text/event-stream")
    with pytest.raises(errors.ModelFailed):
        _ = [chunk async for chunk in models.stream(REQUEST)]
