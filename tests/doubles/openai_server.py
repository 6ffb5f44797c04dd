"""An OpenAI-compatible server without a model: scripted, deterministic, recording, able to fail in
every usual way.

In a test:     async with openai_server.running() as double: … double.base_url,
double.chat.add("Hello") As a process:  python tests/doubles/openai_server.py --port 7490, steered
through /control
"""

import argparse
import asyncio
import base64
import json
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from focal_embedding.hashed import DIMENSIONS, HashedEmbedder

if not __package__:  # started as a file: the repository's root is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.doubles import completions, loopback, schema_instance
from tests.doubles.model_script import Asked, Fault, Line, Reply, Script, ToolCall, prompt_of

MODELS = ("double-large", "double-small", "double-embedding")
KEPT_REQUESTS = 1000  # older ones are only counted
_LINES = TypeAdapter(list[Line])


class OpenAIDouble:
    """The server's state. `chat` and `embeddings` are the scripts of the two endpoints."""

    def __init__(self, *, api_key: str | None = None) -> None:
        self.base_url = ""
        """Root for a client, ending in /v1; set while running."""
        self.chat = Script()
        self.embeddings = Script()
        self._api_key = api_key
        self.reset()

    def reset(self) -> None:
        """Forgets scripts, requests and counts."""
        self.chat.clear()
        self.embeddings.clear()
        self.requests: deque[Asked] = deque(maxlen=KEPT_REQUESTS)
        """The latest requests, oldest first."""
        self.counts = {path: {"count": 0, "prompt_characters": 0} for path in ("chat", "embeddings")}
        """Totals of all requests by endpoint."""

    def app(self) -> web.Application:
        app = web.Application(client_max_size=32 * 1024**2)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/embeddings", self._embed),
                web.get("/v1/models", _models),
                web.get("/control/requests", self._recorded),
                web.post("/control/script/{endpoint:chat|embeddings}", self._extend),
                web.post("/control/reset", self._reset),
            ]
        )
        return app

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise _refusal(400, "messages must be a non-empty array", "invalid_request_error")
        asked = Asked("chat", _model(body), prompt_of(messages), bool(body.get("stream")), body)
        number = self._record(asked)
        reply = self.chat.next(asked) or _default(asked)
        await _fail_early(reply.fault)
        if asked.stream:
            return await _stream(request, number, asked, reply)
        answer = json.dumps(completions.whole(number, asked, reply)).encode()
        return await _send_whole(request, answer, reply.fault)

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not all(isinstance(t, str) and t for t in texts):
            raise _refusal(400, "input must be non-empty text", "invalid_request_error")
        asked = Asked("embeddings", _model(body), "\n".join(texts), body=body)
        self._record(asked)
        scripted = self.embeddings.next(asked)
        fault = scripted.fault if scripted else Fault()
        await _fail_early(fault)
        answer = json.dumps(await _embeddings(asked, texts)).encode()
        return await _send_whole(request, answer, fault)

    async def _body(self, request: web.Request) -> dict[str, Any]:
        if self._api_key and request.headers.get("authorization") != f"Bearer {self._api_key}":
            raise _refusal(401, "incorrect API key provided", "invalid_api_key")
        try:
            body = json.loads(await request.read())
        except ValueError as error:
            raise _refusal(400, "the body is not JSON", "invalid_request_error") from error
        if not isinstance(body, dict):
            raise _refusal(400, "the body is not an object", "invalid_request_error")
        return body

    def _record(self, asked: Asked) -> int:
        """Keeps the request; returns its number, from 1, at its endpoint."""
        self.requests.append(asked)
        totals = self.counts[asked.path]
        totals["count"] += 1
        totals["prompt_characters"] += len(asked.prompt)
        return totals["count"]

    async def _recorded(self, _request: web.Request) -> web.Response:
        kept = [
            {"path": a.path, "model": a.model, "stream": a.stream, "prompt": a.prompt} for a in self.requests
        ]
        return web.json_response({**self.counts, "requests": kept})

    async def _extend(self, request: web.Request) -> web.Response:
        try:
            lines = _LINES.validate_json(await request.read())
        except ValidationError as error:
            raise _refusal(400, str(error), "invalid_request_error") from error
        script = self.chat if request.match_info["endpoint"] == "chat" else self.embeddings
        for line in lines:
            script.append(line)
        return web.json_response({"added": len(lines)})

    async def _reset(self, _request: web.Request) -> web.Response:
        self.reset()
        return web.json_response({})


@asynccontextmanager
async def running(*, port: int = 0, api_key: str | None = None) -> AsyncIterator[OpenAIDouble]:
    """A double that serves on loopback for as long as the block runs."""
    double = OpenAIDouble(api_key=api_key)
    async with loopback.serving(double.app(), port) as root:
        double.base_url = f"{root}/v1"
        yield double


def _default(asked: Asked) -> Reply:
    """Structured output gets the plainest instance, a forced tool a call, everything else an
    echo.
    """
    shape = asked.body.get("response_format") or {}
    if shape.get("type") == "json_schema":
        return Reply(text=json.dumps(schema_instance.instance(shape["json_schema"]["schema"])))
    if shape.get("type") == "json_object":
        return Reply(text="{}")
    if forced := _forced_tool(asked.body):
        arguments = json.dumps(schema_instance.instance(forced.get("parameters") or {}))
        return Reply(tool_calls=(ToolCall(name=forced["name"], arguments=arguments),))
    return Reply(text=f"You said: {asked.last_user_text}")


def _forced_tool(body: dict[str, Any]) -> dict[str, Any] | None:
    """The function that `tool_choice` names, or the first one when any must be called."""
    functions = [tool["function"] for tool in body.get("tools") or []]
    choice = body.get("tool_choice")
    if choice == "required":
        return functions[0] if functions else None
    name = choice["function"]["name"] if isinstance(choice, dict) else None
    return next((function for function in functions if function["name"] == name), None)


async def _embeddings(asked: Asked, texts: list[str]) -> dict[str, Any]:
    embedder = HashedEmbedder(asked.body.get("dimensions", DIMENSIONS))
    vectors = await embedder.embed(texts)
    as_text = asked.body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": i, "embedding": _packed(v) if as_text else v.tolist()}
        for i, v in enumerate(vectors)
    ]
    tokens = len(asked.prompt.split())
    totals = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": asked.model, "usage": totals}


def _packed(vector: np.ndarray[Any, np.dtype[np.float32]]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


async def _models(_request: web.Request) -> web.Response:
    data = [
        {"id": name, "object": "model", "created": completions.CREATED, "owned_by": "focal"}
        for name in MODELS
    ]
    return web.json_response({"object": "list", "data": data})


async def _fail_early(fault: Fault) -> None:
    """The faults that replace the answer, and the wait before it."""
    if fault.hang:
        await asyncio.Event().wait()  # until the client leaves, which cancels the handler
    await asyncio.sleep(fault.first_token_delay_s)
    if fault.status is not None:
        headers = {}
        if fault.retry_after_s is not None:
            headers["Retry-After"] = f"{fault.retry_after_s:g}"
        kind = "rate_limit_exceeded" if fault.status == 429 else "server_error"
        raise _refusal(fault.status, f"ordered status {fault.status}", kind, headers)
    if fault.body is not None:
        raise _Answered(text=fault.body, content_type="application/json")


async def _send_whole(request: web.Request, answer: bytes, fault: Fault) -> web.StreamResponse:
    if fault.cut_after is None:
        return web.Response(body=answer, content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(answer)
    await response.prepare(request)
    await response.write(answer[: len(answer) // 2])
    _cut(request)
    return response


async def _stream(request: web.Request, number: int, asked: Asked, reply: Reply) -> web.StreamResponse:
    fault = reply.fault
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    events = list(completions.events(number, asked, reply))[: fault.cut_after]
    if fault.token_delay_s:
        for event in events:
            await response.write(event)
            await asyncio.sleep(fault.token_delay_s)
    else:
        await response.write(b"".join(events))
    if fault.cut_after is not None:
        _cut(request)
        return response
    await response.write_eof()
    return response


def _cut(request: web.Request) -> None:
    """Closes the connection where it is; what was written still goes out."""
    if request.transport is not None:
        request.transport.close()


def _model(body: dict[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise _refusal(400, "you must provide a model parameter", "invalid_request_error")
    return model


class _Answered(web.HTTPException):
    """Ends a handler with a prepared body and status 200."""

    status_code = 200


class _Refused(_Answered):
    """Ends a handler with a prepared error body."""

    def __init__(self, status: int, **arguments: Any) -> None:
        self.status_code = status
        super().__init__(**arguments)


def _refusal(status: int, message: str, kind: str, headers: dict[str, str] | None = None) -> _Refused:
    error = {"message": message, "type": kind, "param": None, "code": kind}
    return _Refused(
        status,
        text=json.dumps({"error": error}),
        content_type="application/json",
        headers=headers,
    )


async def _serve_forever(port: int, api_key: str | None) -> None:
    async with running(port=port, api_key=api_key) as double:
        print(double.base_url, flush=True)  # noqa: T201 - whoever starts the process reads it
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="openai_server", description="a scripted model server")
    parser.add_argument("--port", type=int, default=7490, help="0 picks a free one, printed first")
    parser.add_argument("--api-key", help="refuse requests that do not carry it")
    options = parser.parse_args()
    try:
        import uvloop

        uvloop.run(_serve_forever(options.port, options.api_key))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
