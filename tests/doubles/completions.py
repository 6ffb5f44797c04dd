"""Writes a reply in the chat completion format: one JSON object, or server-sent events."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.doubles.model_script import Asked, Reply, ToolCall

CREATED = 1_750_000_000  # a fixed second: answers are the same in every run
ARGUMENT_FRAGMENT = 8  # characters of a tool call's arguments per stream event
_TOKENS = re.compile(r"\s*\S+|\s+$")


def whole(number: int, asked: Asked, reply: Reply) -> dict[str, Any]:
    """The answer as one `chat.completion` object."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.tool_calls:
        message["tool_calls"] = [_call(number, i, call) for i, call in enumerate(reply.tool_calls)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
    return _head(number, asked, "chat.completion") | {
        "choices": [choice],
        "usage": usage(asked, reply),
    }


def events(number: int, asked: Asked, reply: Reply) -> Iterator[bytes]:
    """The answer as server-sent events, one per token, ending with `[DONE]`."""
    head = _head(number, asked, "chat.completion.chunk")
    yield _event(head, {"role": "assistant", "content": ""})
    for token in _TOKENS.findall(reply.text):
        yield _event(head, {"content": token})
    for i, call in enumerate(reply.tool_calls):
        for delta in _call_deltas(number, i, call):
            yield _event(head, {"tool_calls": [delta]})
    yield _event(head, {}, _finish(reply))
    if (asked.body.get("stream_options") or {}).get("include_usage"):
        yield _data(head | {"choices": [], "usage": usage(asked, reply)})
    yield b"data: [DONE]\n\n"


def usage(asked: Asked, reply: Reply) -> dict[str, int]:
    """Token counts, where a token is a word; a tool call counts its name and arguments as one
    each.
    """
    prompt = len(asked.prompt.split())
    completion = len(reply.text.split()) + 2 * len(reply.tool_calls)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _head(number: int, asked: Asked, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number}",
        "object": kind,
        "created": CREATED,
        "model": asked.model,
    }


def _finish(reply: Reply) -> str:
    return reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")


def _call(number: int, i: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": f"call_{number}_{i}", "type": "function", "function": function}


def _call_deltas(number: int, i: int, call: ToolCall) -> Iterator[dict[str, Any]]:
    opening = _call(number, i, ToolCall(name=call.name, arguments=""))
    yield {"index": i} | opening
    for start in range(0, len(call.arguments), ARGUMENT_FRAGMENT):
        fragment = call.arguments[start : start + ARGUMENT_FRAGMENT]
        yield {"index": i, "function": {"arguments": fragment}}


def _event(head: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> bytes:
    return _data(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _data(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"
