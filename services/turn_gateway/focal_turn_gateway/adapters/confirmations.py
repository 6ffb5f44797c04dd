"""Records answers to questions at the toolbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc.aio

from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as api
from focal_service_kit import errors as wire
from focal_turn_gateway.domain.answers import Answer


class GrpcConfirmations:
    """`ports.Confirmations`. `token` mints a token for a tenant and session, of no turn; `timeout_s` bounds
    the wait in seconds.
    """

    def __init__(self, channel: grpc.aio.Channel, token: Callable[[str, str], str], timeout_s: float) -> None:
        self._stub: Any = api.ToolboxServiceStub(channel)
        self._token = token
        self._timeout_s = timeout_s

    async def answer(self, answer: Answer) -> datetime:
        request = pb.ConfirmRequest(
            session_id=answer.session_id,
            confirmation_id=answer.confirmation_id,
            accepted=answer.accepted,
            request_id=answer.request_id,
            approver=tool_pb2.APPROVER_OPERATOR if answer.operator else tool_pb2.APPROVER_CUSTOMER,
            answered_by=answer.operator,
        )
        token = self._token(answer.tenant_id, answer.session_id)
        try:
            response: pb.ConfirmResponse = await self._stub.Confirm(
                request,
                timeout=self._timeout_s,
                metadata=(("authorization", f"Bearer {token}"),),
                wait_for_ready=True,
            )
        except grpc.aio.AioRpcError as failure:
            raise wire.from_rpc(failure) from None
        return response.expires_at.ToDatetime(UTC)
