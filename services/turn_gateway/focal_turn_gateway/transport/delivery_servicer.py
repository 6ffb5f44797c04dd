"""`focal.turn.v1.DeliveryService`."""

from __future__ import annotations

from typing import Any

import grpc.aio

from focal.turn.v1 import delivery_service_pb2 as pb
from focal.turn.v1 import delivery_service_pb2_grpc as api
from focal_service_kit import identity, pages
from focal_turn_gateway.codecs import deliveries
from focal_turn_gateway.core.resolve_delivery import ResolveDelivery

Context = grpc.aio.ServicerContext[Any, Any]
_ROLE = "admin"


class DeliveryServicer(api.DeliveryServiceServicer):
    """Shows what is on its way, and settles what waits for a person."""

    def __init__(self, resolve: ResolveDelivery) -> None:
        self._resolve = resolve

    async def ListDeliveries(  # noqa: N802
        self, request: pb.ListDeliveriesRequest, context: Context
    ) -> pb.ListDeliveriesResponse:
        """A page of deliveries."""
        identity.require_role(_ROLE)
        tenant_id = identity.tenant(request.tenant_id)
        matching = deliveries.filter_from_proto(request)
        size = pages.size(request.page_size)
        query = f"deliveries {matching}"
        before = deliveries.page_start(request.page_token, query)
        found = await self._resolve.deliveries.page(tenant_id, matching, before, size + 1)
        response = pb.ListDeliveriesResponse(
            deliveries=[deliveries.delivery_to_proto(delivery) for delivery in found[:size]]
        )
        if len(found) > size:
            response.next_page_token = pages.token(str(found[size - 1].delivery_id), query)
        return response

    async def ResolveDelivery(  # noqa: N802
        self, request: pb.ResolveDeliveryRequest, context: Context
    ) -> pb.ResolveDeliveryResponse:
        """Settle a delivery."""
        identity.require_role(_ROLE)
        tenant_id = identity.tenant(request.tenant_id)
        resolve, repeatable = deliveries.resolve_from_proto(request, identity.current().subject)
        delivery = await self._resolve(tenant_id, resolve, repeatable)
        return pb.ResolveDeliveryResponse(delivery=deliveries.delivery_to_proto(delivery))
