"""`focal.turn.v1.WebhookService`."""

from __future__ import annotations

from typing import Any

import grpc.aio

from focal.turn.v1 import webhook_service_pb2 as pb
from focal.turn.v1 import webhook_service_pb2_grpc as api
from focal_kernel import ids
from focal_service_kit import identity, pages
from focal_turn_gateway.codecs import requests
from focal_turn_gateway.codecs import webhooks as codec
from focal_turn_gateway.core.webhook_desk import WebhookDesk
from focal_turn_gateway.ports.webhooks import Webhooks

Context = grpc.aio.ServicerContext[Any, Any]
ADMIN_ROLE = "admin"


class WebhookServicer(api.WebhookServiceServicer):
    """Keeps a tenant's webhooks."""

    def __init__(self, store: Webhooks, desk: WebhookDesk, *, allow_local: bool) -> None:
        self._store = store
        self._desk = desk
        self._allow_local = allow_local

    async def CreateWebhook(  # noqa: N802
        self, request: pb.CreateWebhookRequest, context: Context
    ) -> pb.CreateWebhookResponse:
        """Create a webhook."""
        made = codec.created_from_proto(request, allow_local=self._allow_local)
        webhook = await self._store.create(_tenant(request), made, codec.request_of(request))
        return pb.CreateWebhookResponse(webhook=codec.webhook_to_proto(webhook))

    async def ListWebhooks(  # noqa: N802
        self, request: pb.ListWebhooksRequest, context: Context
    ) -> pb.ListWebhooksResponse:
        """A page of webhooks."""
        size = pages.size(request.page_size)
        before = requests.page_start(request.page_token, "webhooks")
        found = await self._store.page(_tenant(request), before, size + 1)
        response = pb.ListWebhooksResponse(
            webhooks=[codec.webhook_to_proto(webhook) for webhook in found[:size]]
        )
        if len(found) > size:
            response.next_page_token = pages.token(found[size - 1].webhook_id, "webhooks")
        return response

    async def GetWebhook(  # noqa: N802
        self, request: pb.GetWebhookRequest, context: Context
    ) -> pb.GetWebhookResponse:
        """One webhook."""
        webhook = await self._store.get(_tenant(request), _id(request))
        return pb.GetWebhookResponse(webhook=codec.webhook_to_proto(webhook))

    async def UpdateWebhook(  # noqa: N802
        self, request: pb.UpdateWebhookRequest, context: Context
    ) -> pb.UpdateWebhookResponse:
        """Change a webhook."""
        change = codec.change_from_proto(request, allow_local=self._allow_local)
        webhook = await self._store.update(_tenant(request), _id(request), change, codec.request_of(request))
        return pb.UpdateWebhookResponse(webhook=codec.webhook_to_proto(webhook))

    async def DeleteWebhook(  # noqa: N802
        self, request: pb.DeleteWebhookRequest, context: Context
    ) -> pb.DeleteWebhookResponse:
        """Delete a webhook."""
        await self._store.delete(_tenant(request), _id(request), codec.request_of(request))
        return pb.DeleteWebhookResponse()

    async def VerifyWebhook(  # noqa: N802
        self, request: pb.VerifyWebhookRequest, context: Context
    ) -> pb.VerifyWebhookResponse:
        """Challenge a receiver."""
        verified, answer = await self._desk.verify(_tenant(request), _id(request))
        error = answer.error or answer.problem
        return pb.VerifyWebhookResponse(verified=verified, status_code=answer.status_code, error=error)

    async def TestWebhook(  # noqa: N802
        self, request: pb.TestWebhookRequest, context: Context
    ) -> pb.TestWebhookResponse:
        """Post an event that never happened."""
        answer = await self._desk.test(_tenant(request), _id(request))
        return pb.TestWebhookResponse(
            delivered=answer.accepted, status_code=answer.status_code, error=answer.problem
        )

    async def ListWebhookDeliveries(  # noqa: N802
        self, request: pb.ListWebhookDeliveriesRequest, context: Context
    ) -> pb.ListWebhookDeliveriesResponse:
        """A page of a webhook's deliveries."""
        tenant_id, webhook_id = _tenant(request), _id(request)
        state = codec.state_from_proto(request.state)
        size = pages.size(request.page_size)
        query = f"deliveries {webhook_id} {state}"
        before = codec.delivery_start(request.page_token, query)
        await self._store.get(tenant_id, webhook_id)
        found = await self._store.deliveries(webhook_id, state, before, size + 1)
        response = pb.ListWebhookDeliveriesResponse(
            deliveries=[codec.delivery_to_proto(delivery) for delivery in found[:size]]
        )
        if len(found) > size:
            response.next_page_token = pages.token(str(found[size - 1].delivery_id), query)
        return response


def _tenant(request: Any) -> str:
    identity.require_role(ADMIN_ROLE)
    return identity.tenant(request.tenant_id)


def _id(request: Any) -> str:
    return ids.check_id(request.webhook_id, "webhook_id")
