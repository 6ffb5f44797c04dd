"""The calls about where customers may be written to. All raise CallFailed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from focal.turn.v1 import contact_service_pb2 as pb
from focal.turn.v1 import contact_service_pb2_grpc as api
from focal_cli.connection import Connection
from focal_client import calls
from focal_kernel import ids

TIMEOUT_S = 10.0
LARGEST_PAGE = 100


async def put(connection: Connection, contact: pb.Contact) -> pb.Contact:
    """Store a contact; as it stands then."""
    request = pb.PutContactRequest(contact=contact, request_id=ids.new_id("req"))
    async with _contacts(connection) as stub:
        stands: pb.Contact = (
            await calls.unary(stub.PutContact, request, connection.token, TIMEOUT_S)
        ).contact
    return stands


async def of_customer(connection: Connection, customer_id: str) -> list[pb.Contact]:
    """All contacts of a customer, by channel."""
    found: list[pb.Contact] = []
    request = pb.ListContactsRequest(customer_id=customer_id, page_size=LARGEST_PAGE)
    async with _contacts(connection) as stub:
        while True:
            page = await calls.unary(stub.ListContacts, request, connection.token, TIMEOUT_S)
            found += page.contacts
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


async def delete(connection: Connection, customer_id: str, channel: str) -> bool:
    """Forget a contact; whether there was one."""
    request = pb.DeleteContactRequest(customer_id=customer_id, channel=channel, request_id=ids.new_id("req"))
    async with _contacts(connection) as stub:
        return bool((await calls.unary(stub.DeleteContact, request, connection.token, TIMEOUT_S)).deleted)


@asynccontextmanager
async def _contacts(connection: Connection) -> AsyncIterator[Any]:
    async with connection.channel("turn_gateway") as channel:
        yield api.ContactServiceStub(channel)
