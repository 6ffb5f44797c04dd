"""Webhooks end to end: gateways, a real receiver, and what it can verify."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from focal.turn.v1 import webhook_pb2, webhook_service_pb2_grpc
from focal.turn.v1 import webhook_service_pb2 as pb
from focal_client import webhooks as receiving
from focal_kernel import errors as kernel_errors
from tests.doubles import loopback
from tests.fakes import in_process
from tests.fakes.gateway_calls import refused, send, stub
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

SECRET = "a-secret-of-at-least-32-characters"
QUICK = {
    "allow_local": True,
    "poll_s": 0.02,
    "retry_first_s": 0.05,
    "retries": 2,
    "timeout_s": 20,
    "disable_after": 2,
    "most": 3,
}


class Receiver:
    """Verifies and keeps what is posted to it; `answer` says what it answers to the nth post of an event."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.tries = 0
        self.answer: Callable[[int], int] = lambda tries: 200
        self.hangs = False
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        receiving.verify(request.headers[receiving.HEADER], body, SECRET)
        document = json.loads(body)
        if document.get("type") == "challenge":
            return web.json_response({"challenge": document["challenge"]})
        self.tries += 1
        if self.hangs:
            await asyncio.Event().wait()
        status = self.answer(self.tries)
        if status < 300:
            self.got.append(document)
        return web.Response(status=status)

    @property
    def names(self) -> list[str]:
        return [document["name"] for document in self.got]


@asynccontextmanager
async def receiving_at() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    async with loopback.serving(app) as root:
        made.url = f"{root}/hook"
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving_at() as made:
        yield made


def hooks(gateway: in_process.Running, token: str = "") -> Any:
    chosen = token or gateway.deployment.tenant_token(roles=["admin"])
    return webhook_service_pb2_grpc.WebhookServiceStub(gateway.channel(chosen))


def wanted(url: str, *patterns: str, **fields: Any) -> pb.CreateWebhookRequest:
    return pb.CreateWebhookRequest(url=url, patterns=patterns, secret=SECRET, **fields)


async def create(gateway: in_process.Running, url: str, *patterns: str) -> str:
    response = await hooks(gateway).CreateWebhook(wanted(url, *patterns))
    return str(response.webhook.webhook_id)


async def deliveries(gateway: in_process.Running, webhook_id: str) -> list[webhook_pb2.WebhookDelivery]:
    response = await hooks(gateway).ListWebhookDeliveries(
        pb.ListWebhookDeliveriesRequest(webhook_id=webhook_id)
    )
    return list(response.deliveries)


async def test_events_of_a_conversation_arrive_signed_once_each_from_any_number_of_gateways(
    database: str, redis_url: str, receiver: Receiver
) -> None:
    async with gateways(Peers(), database, redis_url, count=2, webhooks=QUICK) as both:
        webhook_id = await create(both[0], receiver.url, "infra.turn.*", "infra.message.received")
        for number in range(3):
            await stub(both[number % 2]).SendMessage(send(f"hello {number}"), timeout=10)
        await until(lambda: len(receiver.got) >= 9, "nine events are posted", 10)
        listed = await deliveries(both[1], webhook_id)
    assert sorted(receiver.names) == sorted(
        ["infra.message.received", "infra.turn.started", "infra.turn.completed"] * 3
    )
    assert len({document["id"] for document in receiver.got}) == 9
    assert {document["tenant_id"] for document in receiver.got} == {"acme"}
    replies = [document["event"].get("turn_completed") for document in receiver.got]
    assert sum(reply is not None for reply in replies) == 3
    assert {delivery.attempts for delivery in listed} == {1}


async def test_a_failed_post_is_repeated_and_a_refused_one_is_not(
    database: str, redis_url: str, receiver: Receiver
) -> None:
    receiver.answer = lambda tries: 503 if tries < 3 else 200
    async with receiving_at() as strict, gateways(Peers(), database, redis_url, webhooks=QUICK) as [gateway]:
        strict.answer = lambda tries: 400
        await create(gateway, receiver.url, "infra.message.received")
        refusing = await create(gateway, strict.url, "infra.message.received")
        await stub(gateway).SendMessage(send("hello"), timeout=10)
        await until(lambda: receiver.got, "the third try is taken", 10)

        async def given_up() -> bool:
            [delivery] = await deliveries(gateway, refusing)
            return delivery.state == webhook_pb2.WEBHOOK_DELIVERY_STATE_EXHAUSTED

        await until(given_up, "the refused one is given up", 10)
        assert (strict.tries, receiver.tries) == (1, 3)


async def test_a_receiver_that_hangs_holds_up_no_other(
    database: str, redis_url: str, receiver: Receiver
) -> None:
    async with receiving_at() as slow, gateways(Peers(), database, redis_url, webhooks=QUICK) as [gateway]:
        slow.hangs = True
        await create(gateway, slow.url, "infra.message.received", "infra.turn.completed")
        await create(gateway, receiver.url)
        await stub(gateway).SendMessage(send("hello"), timeout=10)
        await until(lambda: slow.tries, "the slow one is tried", 10)
        await until(lambda: "infra.turn.completed" in receiver.names, "the other has all", 10)


async def test_a_receiver_that_answers_nothing_is_disabled_in_the_end(
    database: str, redis_url: str, receiver: Receiver
) -> None:
    hasty = {**QUICK, "timeout_s": 0.2}
    async with receiving_at() as slow, gateways(Peers(), database, redis_url, webhooks=hasty) as [gateway]:
        slow.hangs = True
        slow_id = await create(gateway, slow.url, "infra.message.received", "infra.turn.completed")
        await create(gateway, receiver.url, "infra.webhook.disabled")
        await stub(gateway).SendMessage(send("hello"), timeout=10)
        await until(lambda: receiver.got, "the slow one is disabled", 10)
        response = await hooks(gateway).GetWebhook(pb.GetWebhookRequest(webhook_id=slow_id))
    assert not response.webhook.enabled
    assert "no answer within 0.2 s" in response.webhook.disabled_reason


async def test_a_webhook_is_kept_changed_tried_and_deleted(
    database: str, redis_url: str, receiver: Receiver
) -> None:
    async with gateways(Peers(), database, redis_url, webhooks=QUICK) as [gateway]:
        service = hooks(gateway)
        made = wanted(receiver.url, "tool.*", request_id="r1")
        created = (await service.CreateWebhook(made)).webhook
        assert (await service.CreateWebhook(made)).webhook == created
        assert SECRET not in str(created)
        about = {"webhook_id": created.webhook_id}
        assert (await service.VerifyWebhook(pb.VerifyWebhookRequest(**about))).verified
        assert (await service.TestWebhook(pb.TestWebhookRequest(**about))).delivered
        assert receiver.names == ["custom.webhook.test"]
        assert (await service.GetWebhook(pb.GetWebhookRequest(**about))).webhook.HasField("verified_at")
        update = pb.UpdateWebhookRequest(enabled=False, patterns=["rule.*"], secret="n" * 32, **about)
        changed = (await service.UpdateWebhook(update)).webhook
        assert (changed.enabled, list(changed.patterns), changed.url) == (False, ["rule.*"], receiver.url)
        assert changed.HasField("former_secret_until")
        [listed] = (await service.ListWebhooks(pb.ListWebhooksRequest())).webhooks
        assert listed == changed
        await service.DeleteWebhook(pb.DeleteWebhookRequest(**about))
        _, refusal = await refused(service.GetWebhook(pb.GetWebhookRequest(**about)))
        assert refusal.reason == "WEBHOOK_NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": "https://127.0.0.1/"}, "INVALID_FIELD"),
        ({"url": "http://example.com/"}, "INVALID_FIELD"),
        ({"url": ""}, "INVALID_FIELD"),
        ({"patterns": ["bogus"]}, "INVALID_FIELD"),
        ({"secret": "short"}, "INVALID_FIELD"),
        ({"request_id": "x" * 257}, "INVALID_ID"),
        ({"tenant_id": "umbrella"}, "TENANT_MISMATCH"),
    ],
)
async def test_a_webhook_that_must_not_be_is_refused_and_nothing_of_it_is_kept(
    database: str, redis_url: str, fields: dict[str, Any], reason: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        request = pb.CreateWebhookRequest(**{"url": "https://example.com/", "secret": SECRET, **fields})
        _, refusal = await refused(hooks(gateway).CreateWebhook(request))
        assert refusal.reason == reason
        assert not (await hooks(gateway).ListWebhooks(pb.ListWebhooksRequest())).webhooks


async def test_only_administrators_keep_webhooks_and_only_so_many(
    database: str, redis_url: str, receiver: Receiver
) -> None:
    async with gateways(Peers(), database, redis_url, webhooks=QUICK) as [gateway]:
        member = hooks(gateway, gateway.deployment.tenant_token())
        for call in (
            member.CreateWebhook(wanted(receiver.url)),
            member.ListWebhooks(pb.ListWebhooksRequest()),
        ):
            _, refusal = await refused(call)
            assert refusal.reason == "INSUFFICIENT_PERMISSIONS"
        for _ in range(3):
            await create(gateway, receiver.url)
        status, refusal = await refused(hooks(gateway).CreateWebhook(wanted(receiver.url)))
        assert (status.name, refusal.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_WEBHOOKS")
        first = await hooks(gateway).ListWebhooks(pb.ListWebhooksRequest(page_size=2))
        rest = await hooks(gateway).ListWebhooks(
            pb.ListWebhooksRequest(page_size=2, page_token=first.next_page_token)
        )
        assert len({each.webhook_id for each in [*first.webhooks, *rest.webhooks]}) == 3


async def test_an_escalated_failure_reaches_the_tenants_webhooks(
    database: str, redis_url: str, receiver: Receiver
) -> None:
    async def broken(run: Run) -> None:
        raise kernel_errors.InvalidArgument("INVALID_FIELD", "the brain broke")

    for_people = {"brain": "ESCALATE", "target": "tenant_webhook"}
    async with gateways(Peers(broken), database, redis_url, webhooks=QUICK, errors=for_people) as [gateway]:
        await create(gateway, receiver.url, "infra.error.escalated")
        failed = await stub(gateway).SendMessage(send("hello"), timeout=10)
        await until(lambda: receiver.got, "the escalation is posted", 10)
    [posted] = receiver.got
    assert posted["name"] == "infra.error.escalated"
    assert posted["event"]["turn_id"] == failed.turn.turn_id
    assert json.loads(posted["event"]["agent"]["payload_json"])["target"] == "tenant_webhook"
