"""`focal webhooks` against a scripted service."""

from typing import Any

from focal.turn.v1 import webhook_pb2
from focal.turn.v1 import webhook_service_pb2 as pb
from focal.turn.v1 import webhook_service_pb2_grpc as api
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh
from tests.unit.cli.forks import Outcome

HOOK = webhook_pb2.Webhook(
    webhook_id="whk_1", url="https://example.com/", patterns=["tool.*"], disabled_reason="it answered 500"
)


class FakeHooks(api.WebhookServiceServicer):
    """One webhook, disabled, whose receiver answers 503."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def CreateWebhook(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        return pb.CreateWebhookResponse(webhook=HOOK)

    async def ListWebhooks(self, request: Any, context: Any) -> Any:  # noqa: N802
        return pb.ListWebhooksResponse(webhooks=[HOOK])

    async def DeleteWebhook(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        return pb.DeleteWebhookResponse()

    async def TestWebhook(self, request: Any, context: Any) -> Any:  # noqa: N802
        return pb.TestWebhookResponse(status_code=503, error="the receiver answered 503")

    async def ListWebhookDeliveries(self, request: Any, context: Any) -> Any:  # noqa: N802
        delivery = webhook_pb2.WebhookDelivery(
            event_id="ses_1-5",
            event_name="tool.done",
            state=webhook_pb2.WEBHOOK_DELIVERY_STATE_EXHAUSTED,
            attempts=6,
        )
        return pb.ListWebhookDeliveriesResponse(deliveries=[delivery])


async def focal(fake_mesh: FakeMesh, fake: FakeHooks, *arguments: str) -> Outcome:
    async with serving(api.add_WebhookServiceServicer_to_server, fake) as target:
        fake_mesh.at({"turn_gateway": target})
        return await fake_mesh.terminal.focal("webhooks", *arguments)


async def test_a_webhook_gets_a_secret_that_is_shown_once(fake_mesh: FakeMesh) -> None:
    fake = FakeHooks()
    made = await focal(fake_mesh, fake, "create", "https://example.com/", "--pattern", "tool.*", "--json")
    assert made.documents[0]["webhook_id"] == "whk_1"
    assert len(made.documents[0]["secret"]) >= 32
    assert fake.seen[0].secret == made.documents[0]["secret"]
    given = await focal(fake_mesh, fake, "create", "https://example.com/", "--secret", "s" * 32)
    assert "s" * 32 not in given.output
    assert fake.seen[1].secret == "s" * 32


async def test_webhooks_and_deliveries_are_listed_with_what_was_wrong(fake_mesh: FakeMesh) -> None:
    listed = await focal(fake_mesh, FakeHooks(), "list")
    assert "whk_1" in listed.output
    assert "it answered 500" in listed.output
    deliveries = await focal(fake_mesh, FakeHooks(), "deliveries", "whk_1")
    assert "exhausted" in deliveries.output


async def test_a_test_that_fails_says_why_and_a_deletion_names_the_webhook(fake_mesh: FakeMesh) -> None:
    fake = FakeHooks()
    tried = await focal(fake_mesh, fake, "test", "whk_1")
    assert tried.code == 1
    assert "503" in tried.errors
    assert (await focal(fake_mesh, fake, "delete", "whk_1")).code == 0
    assert fake.seen[0].webhook_id == "whk_1"
