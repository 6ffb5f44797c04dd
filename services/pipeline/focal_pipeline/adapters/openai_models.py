"""Language models behind an OpenAI-compatible endpoint, through the official client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from openai.types.completion_usage import CompletionUsage
from openai.types.shared_params import FunctionDefinition
from openai.types.shared_params.response_format_json_schema import JSONSchema

from focal_kernel import canonical_json
from focal_pipeline import errors
from focal_pipeline.domain.models import Chunk, Filled, Request, Tokens, ToolSpec


class OpenAIModels:
    """Implements the port `LanguageModel`. The client must not retry: the chain of models does."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def stream(self, request: Request) -> AsyncGenerator[Chunk]:
        """See LanguageModel; leaving early closes the HTTP stream."""
        finished = False
        with _failures(request.model, cut=True):
            answer = await self._client.chat.completions.create(
                **_common(request), stream=True, stream_options={"include_usage": True}
            )
            async with answer:
                async for event in answer:
                    for choice in event.choices[:1]:
                        finished = finished or choice.finish_reason is not None
                        if choice.delta.content:
                            yield Chunk(choice.delta.content)
                    if event.usage:
                        yield Chunk(tokens=_tokens(event.usage))
        if not finished:
            raise errors.StreamCut(request.model)

    async def call_tool(self, request: Request, tool: ToolSpec) -> Filled:
        """See LanguageModel."""
        function: FunctionDefinition = {
            "name": tool.name,
            "description": tool.description,
            "parameters": _plain(tool.schema),
        }
        with _failures(request.model):
            answer = await self._client.chat.completions.create(
                **_common(request),
                tools=[{"type": "function", "function": function}],
                tool_choice={"type": "function", "function": {"name": tool.name}},
            )
        calls = answer.choices[0].message.tool_calls if answer.choices else None
        if not calls or calls[0].type != "function":
            raise errors.ModelFailed(request.model, "no_tool_call")
        return _filled(request.model, calls[0].function.arguments, answer)

    async def structured(self, request: Request, schema: Mapping[str, Any]) -> Filled:
        """See LanguageModel."""
        form: JSONSchema = {"name": "fields", "schema": _plain(schema), "strict": True}
        with _failures(request.model):
            answer = await self._client.chat.completions.create(
                **_common(request), response_format={"type": "json_schema", "json_schema": form}
            )
        content = answer.choices[0].message.content if answer.choices else None
        return _filled(request.model, content or "", answer)


def _common(request: Request) -> dict[str, Any]:
    prompt: list[ChatCompletionMessageParam] = [
        {"role": said.role, "content": said.content}  # type: ignore[misc]
        for said in request.prompt
    ]
    return {
        "model": request.model,
        "messages": prompt,
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "timeout": request.timeout_s,
    }


def _plain(schema: Mapping[str, Any]) -> Any:
    """A schema with ordinary numbers; exact decimals are not what the client can write."""
    match schema:
        case Mapping():
            return {key: _plain(value) for key, value in schema.items()}
        case list() | tuple():
            return [_plain(value) for value in schema]
        case bool() | int() | str() | None:
            return schema
    return float(schema)


def _filled(model: str, text: str, answer: ChatCompletion) -> Filled:
    try:
        value = canonical_json.loads(text)
    except ValueError:
        raise errors.ModelFailed(model, "not_json") from None
    if not isinstance(value, dict):
        raise errors.ModelFailed(model, "not_an_object")
    return Filled(value, _tokens(answer.usage))


def _tokens(usage: CompletionUsage | None) -> Tokens:
    return Tokens(usage.prompt_tokens, usage.completion_tokens) if usage else Tokens()


@contextmanager
def _failures(model: str, *, cut: bool = False) -> Iterator[None]:
    """The client's and the transport's exceptions as ours; provider text stays behind."""
    try:
        yield
    except openai.APITimeoutError:
        raise errors.ModelFailed(model, "timeout") from None
    except openai.APIStatusError as error:
        raise errors.ModelFailed(model, f"http_{error.status_code}") from None
    except openai.APIConnectionError:
        raise errors.ModelFailed(model, "unreachable") from None
    except httpx2.HTTPError:
        raise (errors.StreamCut(model) if cut else errors.ModelFailed(model, "connection_lost")) from None
    except (openai.OpenAIError, ValueError):
        raise errors.ModelFailed(model, "unusable_answer") from None
