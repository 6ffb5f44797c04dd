"""The calls about webhooks. All raise CallFailed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from focal.turn.v1 import webhook_pb2
from focal.turn.v1 import webhook_service_pb2 as pb
from focal.turn.v1 import webhook_service_pb2_grpc as api
from focal_cli.connection import Connection
from focal_client import calls
from focal_kernel import ids

TIMEOUT_S = 10.0
ASKING_TIMEOUT_S = 30.0
LARGEST_PAGE = 100


async def create(connection: Connection, url: str, patterns: list[str], secret: str) -> webhook_pb2.Webhook:
    """Create a webhook."""
    request = pb.CreateWebhookRequest(url=url, patterns=patterns, secret=secret, request_id=ids.new_id("req"))
    async with _stub(connection) as stub:
        return (await calls.unary(stub.CreateWebhook, request, connection.token, TIMEOUT_S)).webhook


async def webhooks(connection: Connection) -> list[webhook_pb2.Webhook]:
    """The tenant's webhooks, latest first."""
    async with _stub(connection) as stub:
        request = pb.ListWebhooksRequest(page_size=LARGEST_PAGE)
        return list((await calls.unary(stub.ListWebhooks, request, connection.token, TIMEOUT_S)).webhooks)


async def enable(connection: Connection, webhook_id: str, *, enabled: bool) -> webhook_pb2.Webhook:
    """Enable or disable a webhook."""
    request = pb.UpdateWebhookRequest(webhook_id=webhook_id, enabled=enabled, request_id=ids.new_id("req"))
    async with _stub(connection) as stub:
        return (await calls.unary(stub.UpdateWebhook, request, connection.token, TIMEOUT_S)).webhook


async def delete(connection: Connection, webhook_id: str) -> None:
    """Delete a webhook."""
    request = pb.DeleteWebhookRequest(webhook_id=webhook_id, request_id=ids.new_id("req"))
    async with _stub(connection) as stub:
        await calls.unary(stub.DeleteWebhook, request, connection.token, TIMEOUT_S)


async def verify(connection: Connection, webhook_id: str) -> pb.VerifyWebhookResponse:
    """Challenge the receiver."""
    async with _stub(connection) as stub:
        request = pb.VerifyWebhookRequest(webhook_id=webhook_id)
        return await calls.unary(stub.VerifyWebhook, request, connection.token, ASKING_TIMEOUT_S)


async def test(connection: Connection, webhook_id: str) -> pb.TestWebhookResponse:
    """Post an event that never happened."""
    async with _stub(connection) as stub:
        request = pb.TestWebhookRequest(webhook_id=webhook_id)
        return await calls.unary(stub.TestWebhook, request, connection.token, ASKING_TIMEOUT_S)


async def deliveries(connection: Connection, webhook_id: str) -> list[webhook_pb2.WebhookDelivery]:
    """The webhook's latest deliveries, latest first."""
    request = pb.ListWebhookDeliveriesRequest(webhook_id=webhook_id, page_size=LARGEST_PAGE)
    async with _stub(connection) as stub:
        page = await calls.unary(stub.ListWebhookDeliveries, request, connection.token, TIMEOUT_S)
        return list(page.deliveries)


@asynccontextmanager
async def _stub(connection: Connection) -> AsyncIterator["api.WebhookServiceAsyncStub"]:
    async with connection.channel("turn_gateway") as channel:
        yield api.WebhookServiceStub(channel)
