"""`focal.turn.v1.ContactService`."""

from __future__ import annotations

from typing import Any

import grpc.aio

from focal.turn.v1 import contact_service_pb2 as pb
from focal.turn.v1 import contact_service_pb2_grpc as api
from focal_kernel import ids
from focal_service_kit import identity, pages
from focal_turn_gateway.codecs import contacts
from focal_turn_gateway.core.keep_contacts import KeepContacts

Context = grpc.aio.ServicerContext[Any, Any]
_KEEPERS = ("admin", "adapter")


class ContactServicer(api.ContactServiceServicer):
    """Stores and shows where customers may be written to."""

    def __init__(self, keep: KeepContacts) -> None:
        self._keep = keep

    async def PutContact(  # noqa: N802
        self, request: pb.PutContactRequest, context: Context
    ) -> pb.PutContactResponse:
        """Store a contact."""
        tenant_id = _tenant(request.tenant_id)
        contact = contacts.contact_from_proto(request.contact)
        stands = await self._keep.put(tenant_id, contact, request.request_id)
        return pb.PutContactResponse(contact=contacts.contact_to_proto(stands))

    async def ListContacts(  # noqa: N802
        self, request: pb.ListContactsRequest, context: Context
    ) -> pb.ListContactsResponse:
        """A page of a customer's contacts."""
        tenant_id = _tenant(request.tenant_id)
        size = pages.size(request.page_size)
        query = f"contacts {request.customer_id}"
        after = pages.position(request.page_token, query)
        if after:
            ids.check_id(after, "page_token")
        found = await self._keep.of_customer(tenant_id, request.customer_id, after, size + 1)
        response = pb.ListContactsResponse(contacts=map(contacts.contact_to_proto, found[:size]))
        if len(found) > size:
            response.next_page_token = pages.token(found[size - 1].channel, query)
        return response

    async def DeleteContact(  # noqa: N802
        self, request: pb.DeleteContactRequest, context: Context
    ) -> pb.DeleteContactResponse:
        """Forget a contact."""
        tenant_id = _tenant(request.tenant_id)
        deleted = await self._keep.delete(tenant_id, request.customer_id, request.channel, request.request_id)
        return pb.DeleteContactResponse(deleted=deleted)


def _tenant(named: str) -> str:
    if identity.current().kind is not identity.Kind.SERVICE:
        identity.require_role(*_KEEPERS)
    return identity.tenant(named)
