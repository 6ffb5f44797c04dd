"""`focal.turn.v1.AbuseService`."""

from __future__ import annotations

from typing import Any

import grpc.aio

from focal.turn.v1 import abuse_service_pb2 as pb
from focal.turn.v1 import abuse_service_pb2_grpc as api
from focal_service_kit import identity, pages
from focal_turn_gateway.codecs import abuse, requests
from focal_turn_gateway.core.abuse_desk import AbuseDesk
from focal_turn_gateway.domain.abuse import Terms
from focal_turn_gateway.ports.abuse import AbuseRecords

Context = grpc.aio.ServicerContext[Any, Any]
ADMIN_ROLE = "admin"


class AbuseServicer(api.AbuseServiceServicer):
    """Shows what is held against customers, and lets people decide."""

    def __init__(self, records: AbuseRecords, desk: AbuseDesk, terms: Terms) -> None:
        self._records = records
        self._desk = desk
        self._terms = terms

    async def ListAbuse(  # noqa: N802
        self, request: pb.ListAbuseRequest, context: Context
    ) -> pb.ListAbuseResponse:
        """A page of entries."""
        tenant_id = _tenant(request)
        chosen = abuse.filter_from_proto(request)
        size = pages.size(request.page_size)
        query = ("abuse", chosen.customer_id, str(chosen.level), str(chosen.cause), str(chosen.holding))
        before = requests.page_start(request.page_token, *query)
        found = await self._records.page(tenant_id, chosen, before, size + 1)
        response = pb.ListAbuseResponse(entries=[abuse.abuse_to_proto(entry) for entry in found[:size]])
        if len(found) > size:
            response.next_page_token = pages.token(found[size - 1].abuse_id, *query)
        return response

    async def BlockCustomer(  # noqa: N802
        self, request: pb.BlockCustomerRequest, context: Context
    ) -> pb.BlockCustomerResponse:
        """Restrict or block a customer."""
        tenant_id = _tenant(request)
        finding, asked = abuse.block_from_proto(request, identity.current().subject, self._terms)
        entry = await self._desk.note(tenant_id, finding, asked)
        return pb.BlockCustomerResponse(entry=abuse.abuse_to_proto(entry) if entry else None)

    async def LiftAbuse(  # noqa: N802
        self, request: pb.LiftAbuseRequest, context: Context
    ) -> pb.LiftAbuseResponse:
        """Let a customer in again."""
        tenant_id = _tenant(request)
        asked = abuse.lift_from_proto(request)
        by = identity.current().subject
        ended = await self._desk.lift(tenant_id, request.customer_id, by, request.reason, asked)
        return pb.LiftAbuseResponse(entries=map(abuse.abuse_to_proto, ended))


def _tenant(request: Any) -> str:
    identity.require_role(ADMIN_ROLE)
    return identity.tenant(request.tenant_id)
