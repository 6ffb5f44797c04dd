"""The calls about deliveries. All raise CallFailed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from focal.turn.v1 import delivery_service_pb2 as pb
from focal.turn.v1 import delivery_service_pb2_grpc as api
from focal.turn.v1 import event_pb2
from focal_cli.connection import Connection
from focal_client import calls
from focal_kernel import ids

TIMEOUT_S = 10.0
LARGEST_PAGE = 100


async def deliveries(
    connection: Connection, states: Sequence[str], destination: str, session_id: str, limit: int
) -> list[pb.Delivery]:
    """The latest deliveries, latest first; `states` are names of the contract without prefix."""
    numbers = [event_pb2.DeliveryState.Value(f"DELIVERY_STATE_{state}") for state in states]
    request = pb.ListDeliveriesRequest(states=numbers, destination=destination, session_id=session_id)
    found: list[pb.Delivery] = []
    async with _stub(connection) as stub:
        while True:
            request.page_size = min(LARGEST_PAGE, limit - len(found))
            page = await calls.unary(stub.ListDeliveries, request, connection.token, TIMEOUT_S)
            found += page.deliveries
            if not page.next_page_token or len(found) >= limit:
                return found
            request.page_token = page.next_page_token


async def resolve(connection: Connection, delivery_id: str, resolution: str, reason: str) -> pb.Delivery:
    """Settle a delivery; `resolution` is DELIVERED, RESEND or DROP."""
    request = pb.ResolveDeliveryRequest(
        delivery_id=delivery_id,
        resolution=event_pb2.DeliveryResolution.Value(f"DELIVERY_RESOLUTION_{resolution}"),
        reason=reason,
        request_id=ids.new_id("req"),
    )
    async with _stub(connection) as stub:
        settled: pb.ResolveDeliveryResponse = await calls.unary(
            stub.ResolveDelivery, request, connection.token, TIMEOUT_S
        )
        return settled.delivery


@asynccontextmanager
async def _stub(connection: Connection) -> AsyncIterator[Any]:
    async with connection.channel("turn_gateway") as channel:
        yield api.DeliveryServiceStub(channel)
