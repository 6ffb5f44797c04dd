"""A channel adapter that takes parts of replies by HTTP and knows no keys, as badly as a test wants it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from focal_client import webhooks as receiving
from tests.doubles import loopback

SECRET = "a-secret-of-at-least-32-characters"


_PATH = "/parts"


def url(port: int) -> str:
    """Where an adapter on that port takes parts."""
    return f"http://127.0.0.1:{port}{_PATH}"


@dataclass
class ChannelAdapter:
    """`posts` are the envelopes that came, `headers` what came with them; each is sent to a customer at once.
    `answers` says what the next posts of a text get, and `always` what all others get: a status, `hang`, or
    `cut` in the middle of an answer.
    """

    url: str = ""
    answers: dict[str, list[int | str]] = field(default_factory=dict)
    always: int | str = 200
    posts: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def texts(self) -> list[str]:
        return [post["text"] for post in self.posts]

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        receiving.verify(request.headers[receiving.HEADER], body, SECRET)
        self.posts.append(json.loads(body))
        self.headers.append(dict(request.headers))
        planned = self.answers.get(self.posts[-1]["text"])
        answer = planned.pop(0) if planned else self.always
        if answer == "hang":
            await self.released.wait()
        if answer == "cut":
            assert request.transport is not None
            request.transport.write(b"HTTP/1.1 200 O")
            await asyncio.sleep(0.01)
            request.transport.close()
        status = answer if isinstance(answer, int) else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})


@asynccontextmanager
async def serving(port: int = 0) -> AsyncIterator[ChannelAdapter]:
    """An adapter on a loopback port, a free one when 0."""
    adapter = ChannelAdapter()
    app = web.Application()
    app.router.add_post(_PATH, adapter.take)
    async with loopback.serving(app, port) as root:
        adapter.url = f"{root}{_PATH}"
        yield adapter
