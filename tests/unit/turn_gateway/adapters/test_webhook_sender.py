"""Posts over real HTTP, and the addresses that are never posted to."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from focal_client import webhooks as receiving
from focal_turn_gateway.adapters import checked_http
from focal_turn_gateway.adapters.checked_http import CheckedHttp
from focal_turn_gateway.adapters.webhook_sender import HttpWebhookSender
from focal_turn_gateway.domain.webhooks import Answer, Post
from tests.doubles import loopback

SECRET = "s" * 32


class Receiver:
    """Notes what is posted and answers as its test says."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.status, self.text, self.hangs = 200, "ok", False
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.seen.append((dict(request.headers), await request.read()))
        if self.hangs:
            await asyncio.Event().wait()
        return web.Response(status=self.status, text=self.text, headers={"Location": "/elsewhere"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{tail:.*}", made.take)
    async with loopback.serving(app) as root:
        made.url = f"{root}/hook?x=1"
        yield made


async def posted(url: str, *, allow_local: bool = True, timeout_s: float = 5) -> Answer:
    post = Post(url, (SECRET,), "7", "ses_1-5", "tool.done", b'{"id":"ses_1-5"}')
    async with checked_http.client(4) as client:
        http = CheckedHttp(client, allow_local=allow_local)
        return await HttpWebhookSender(http, timeout_s=timeout_s).post(post)


async def test_a_post_carries_its_body_as_it_is_signed_and_named(receiver: Receiver) -> None:
    answer = await posted(receiver.url)
    assert (answer.status_code, answer.text, answer.accepted) == (200, "ok", True)
    [(headers, body)] = receiver.seen
    receiving.verify(headers["X-Focal-Signature"], body, SECRET)
    assert headers["X-Focal-Event-Id"] == "ses_1-5"
    assert headers["X-Focal-Event"] == "tool.done"
    assert headers["X-Focal-Delivery"] == "7"
    assert headers["Host"] in receiver.url


async def test_the_host_keeps_its_name_although_the_connection_goes_to_an_address(receiver: Receiver) -> None:
    await posted(receiver.url.replace("127.0.0.1", "localhost"))
    assert receiver.seen[0][0]["Host"].startswith("localhost:")


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.status = 302
    assert (await posted(receiver.url)).status_code == 302
    assert len(receiver.seen) == 1


async def test_a_receiver_that_hangs_or_is_away_is_an_answer_too(receiver: Receiver) -> None:
    receiver.hangs = True
    assert await posted(receiver.url, timeout_s=0.2) == Answer(0, "no answer within 0.2 s")
    away = await posted("http://127.0.0.1:1/")
    assert (away.status_code, away.error) == (0, "the receiver cannot be reached (ConnectError)")
    nowhere = await posted("http://no-such-host.invalid/")
    assert nowhere.status_code == 0


async def test_an_answer_is_read_only_so_far(receiver: Receiver) -> None:
    receiver.text = "x" * 1_000_000
    assert len((await posted(receiver.url)).text) == 4096


async def test_an_address_that_is_not_public_is_never_connected_to(receiver: Receiver) -> None:
    for url in (receiver.url, receiver.url.replace("http:", "https:")):
        assert (await posted(url, allow_local=False)).status_code == 0
    assert receiver.seen == []


async def test_a_name_that_leads_to_a_private_address_when_it_is_used_is_not_posted_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name was fine when the webhook was created; its owner changed what it resolves to."""

    async def rebound(host: str, port: int, **options: Any) -> list[Any]:
        entries = (("8.8.8.8", port), ("127.0.0.1", port))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", entry) for entry in entries]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebound)
    answer = await posted("https://rebound.example/", allow_local=False)
    assert answer == Answer(0, "url: leads to an address that is not public")


async def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    asked = []

    async def once(host: str, port: int, **options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", once)
    answer = await posted(receiver.url.replace("127.0.0.1", "receiver.example"))
    assert answer.accepted
    assert asked.count("receiver.example") == 1
    assert receiver.seen[0][0]["Host"].startswith("receiver.example:")
