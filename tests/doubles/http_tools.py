"""An HTTP target for tools that can be as bad as the internet: slow, cut, huge, HTML, any status.

async with http_tools.running() as target:
    target.on("POST", "/refund", Answer(status=503), Answer(json={"ok": True}))
    … call target.url("/refund") …
    assert target.calls[0].headers["idempotency-key"] == …
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.doubles import loopback


@dataclass(frozen=True)
class Answer:
    """One answer; `json`, when given, replaces `text` and the content type."""

    status: int = 200
    json: Any = None
    text: str = ""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False
    """Announce the whole body, send half of it, close the connection."""
    drop: bool = False
    """Close the connection without a word, after the request was read."""


@dataclass(frozen=True)
class Call:
    """One request as the target saw it; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HttpTarget:
    """The target's state: `calls` holds every request, in the order of their arrival."""

    def __init__(self) -> None:
        self.root = ""
        self.calls: list[Call] = []
        self._answers: dict[tuple[str, str], list[Answer]] = {}

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Answers requests to `path` one after the other; the last answer repeats."""
        self._answers[method, path] = list(answers)

    def url(self, path: str) -> str:
        """The absolute address of `path`."""
        return self.root + path

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(await _call(request))
        answer = self._next(request.method, request.path)
        await asyncio.sleep(answer.delay_s)
        if answer.drop or answer.cut:
            return await _broken(request, answer)
        return web.Response(
            status=answer.status,
            body=_body(answer),
            content_type=_content_type(answer),
            headers=answer.headers,
        )

    def _next(self, method: str, path: str) -> Answer:
        answers = self._answers.get((method, path))
        if not answers:
            return Answer(status=404, json={"error": f"nothing is set for {method} {path}"})
        return answers.pop(0) if len(answers) > 1 else answers[0]


@asynccontextmanager
async def running() -> AsyncIterator[HttpTarget]:
    """A target that serves on loopback for as long as the block runs."""
    target = HttpTarget()
    async with loopback.serving(target.app()) as root:
        target.root = root
        yield target


async def _call(request: web.Request) -> Call:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request.method, request.path, dict(request.query), headers, await request.read())


async def _broken(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    if answer.cut:
        body = _body(answer)
        response.content_type = _content_type(answer)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _body(answer: Answer) -> bytes:
    return (answer.text if answer.json is None else json.dumps(answer.json)).encode()


def _content_type(answer: Answer) -> str:
    return answer.content_type if answer.json is None else "application/json"
