"""`focal.turn.v1.TurnGatewayService`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc.aio

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_kernel import ids
from focal_service_kit import deadlines, identity
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import requests, turns
from focal_turn_gateway.core.send import Send
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.messages import Submission
from focal_turn_gateway.ports import SessionReader
from focal_turn_gateway.transport.conversation import Conversing
from focal_turn_gateway.transport.watching import Watching

Context = grpc.aio.ServicerContext[Any, Any]
_MARGIN_S = 0.1
"""Kept of a caller's deadline, so that the answer says what became of the message instead of a bare
timeout.
"""


class TurnGatewayServicer(api.TurnGatewayServiceServicer):
    """Where messages come in and replies go out."""

    def __init__(
        self,
        submit: Submit,
        registry: Registry,
        send: Send,
        reader: SessionReader,
        conversing: Conversing,
        watching: Watching,
        max_chars: int,
    ) -> None:
        self._submit = submit
        self._registry = registry
        self._send = send
        self._reader = reader
        self._conversing = conversing
        self._watching = watching
        self._max_chars = max_chars

    async def SubmitMessage(  # noqa: N802
        self, request: pb.SubmitMessageRequest, context: Context
    ) -> pb.SubmitMessageResponse:
        """Store a message and acknowledge it."""
        accepted = await self._submit(self._submission(request))
        response = pb.SubmitMessageResponse(
            message_id=accepted.message_id,
            session_id=accepted.session_id,
            sequence=accepted.sequence,
            duplicate=accepted.duplicate,
        )
        response.received_at.FromDatetime(accepted.received_at)
        return response

    async def SendMessage(  # noqa: N802
        self, request: pb.SendMessageRequest, context: Context
    ) -> pb.SendMessageResponse:
        """Store a message and wait for its turn."""
        left = deadlines.remaining()
        timeout_s = None if left is None else max(0.0, left - _MARGIN_S)
        accepted, turn = await self._send(self._submission(request), timeout_s)
        return pb.SendMessageResponse(
            message_id=accepted.message_id,
            session_id=accepted.session_id,
            turn=turns.turn_to_proto(turn),
            duplicate=accepted.duplicate,
        )

    async def Converse(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.ConverseRequest], context: Context
    ) -> AsyncIterator[pb.ConverseResponse]:
        """Hold one conversation."""
        first = await anext(aiter(request_iterator), None)
        if first is None or first.WhichOneof("frame") != "setup":
            raise errors.StreamProtocol("the first frame must be setup")
        tenant_id = identity.tenant(first.setup.tenant_id)
        conversation = await self._conversing.begin(tenant_id, identity.current().tier, first.setup)
        async with aclosing(conversation.run(aiter(request_iterator))) as frames:
            async for frame in frames:
                yield frame

    async def WatchSession(  # noqa: N802
        self, request: pb.WatchSessionRequest, context: Context
    ) -> AsyncIterator[pb.WatchSessionResponse]:
        """Follow a session from an offset."""
        offset = requests.offset_from_proto(request.after_offset)
        session_id = ids.check_id(request.session_id, "session_id")
        session = await self._reader.session(identity.tenant(), session_id)
        async with aclosing(self._watching(session, offset, events_only=request.events_only)) as frames:
            async for frame in frames:
                yield frame

    def _submission(self, request: pb.SubmitMessageRequest | pb.SendMessageRequest) -> Submission:
        return requests.submission_from_proto(
            identity.tenant(request.tenant_id),
            requests.address_from_proto(request.address, self._registry),
            request.content,
            request.request_id,
            self._max_chars,
            identity.current().tier,
        )
