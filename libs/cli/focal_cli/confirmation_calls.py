"""The calls about confirmations. All raise CallFailed."""

from collections.abc import AsyncIterator

import grpc

from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as api
from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal_cli.connection import Connection
from focal_client import CallFailed, calls

TIMEOUT_S = 10.0
LARGEST_PAGE = 100


async def confirmations(
    connection: Connection, session_id: str, state: str, limit: int
) -> list[tool_pb2.Confirmation]:
    """The latest confirmations, latest first; `state` is a name of the contract without prefix, or empty."""
    found: list[tool_pb2.Confirmation] = []
    async for confirmation in _all(connection, session_id, state):
        if len(found) == limit:
            break
        found.append(confirmation)
    return found


async def answer(
    connection: Connection, confirmation_id: str, *, accepted: bool
) -> gateway.ConfirmActionResponse:
    """Answer for whoever was asked: the customer, or the tenant."""
    async for asked in _all(connection, "", ""):
        if asked.confirmation_id == confirmation_id:
            async with connection.client() as client:
                return await client.confirm(
                    asked.session_id,
                    confirmation_id,
                    accepted,
                    as_operator=asked.approver == tool_pb2.APPROVER_OPERATOR,
                )
    raise CallFailed(
        grpc.StatusCode.NOT_FOUND, "CONFIRMATION_NOT_FOUND", f"there is no confirmation {confirmation_id}"
    )


async def _all(connection: Connection, session_id: str, state: str) -> AsyncIterator[tool_pb2.Confirmation]:
    number = tool_pb2.ConfirmationState.Value(f"CONFIRMATION_STATE_{state or 'UNSPECIFIED'}")
    request = pb.ListConfirmationsRequest(session_id=session_id, state=number, page_size=LARGEST_PAGE)
    async with connection.channel("toolbox") as channel:
        stub = api.ToolboxServiceStub(channel)
        while True:
            page: pb.ListConfirmationsResponse = await calls.unary(
                stub.ListConfirmations, request, connection.token, TIMEOUT_S
            )
            for confirmation in page.confirmations:
                yield confirmation
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
