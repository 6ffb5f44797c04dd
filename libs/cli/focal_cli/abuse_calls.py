"""The calls about customers that abuse an agent. All raise CallFailed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from focal.turn.v1 import abuse_pb2
from focal.turn.v1 import abuse_service_pb2 as pb
from focal.turn.v1 import abuse_service_pb2_grpc as api
from focal_cli.connection import Connection
from focal_client import calls
from focal_kernel import ids

TIMEOUT_S = 10.0
LARGEST_PAGE = 100


async def entries(connection: Connection, request: pb.ListAbuseRequest, limit: int) -> list[abuse_pb2.Abuse]:
    """The latest entries that a request asks for, latest first; its page is overwritten."""
    found: list[abuse_pb2.Abuse] = []
    async with _stub(connection) as stub:
        while True:
            request.page_size = min(LARGEST_PAGE, limit - len(found))
            page = await calls.unary(stub.ListAbuse, request, connection.token, TIMEOUT_S)
            found += page.entries
            if not page.next_page_token or len(found) >= limit:
                return found
            request.page_token = page.next_page_token


async def block(connection: Connection, request: pb.BlockCustomerRequest) -> abuse_pb2.Abuse:
    """Restrict or block a customer; the request gets its id here."""
    request.request_id = ids.new_id("req")
    async with _stub(connection) as stub:
        answer: pb.BlockCustomerResponse = await calls.unary(
            stub.BlockCustomer, request, connection.token, TIMEOUT_S
        )
    return answer.entry


async def lift(connection: Connection, customer_id: str, reason: str) -> list[abuse_pb2.Abuse]:
    """Let a customer in again; what this ended."""
    request = pb.LiftAbuseRequest(customer_id=customer_id, reason=reason, request_id=ids.new_id("req"))
    async with _stub(connection) as stub:
        return list((await calls.unary(stub.LiftAbuse, request, connection.token, TIMEOUT_S)).entries)


@asynccontextmanager
async def _stub(connection: Connection) -> AsyncIterator[Any]:
    async with connection.channel("turn_gateway") as channel:
        yield api.AbuseServiceStub(channel)
