"""`focal.turn.v1.TurnGatewayService`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc.aio

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_kernel import ids
from focal_service_kit import deadlines, identity
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import events, requests, turns
from focal_turn_gateway.core.follow import Follow, Followed
from focal_turn_gateway.core.send import Send
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.domain.events import StoredEvent, TextDelta
from focal_turn_gateway.domain.messages import Submission
from focal_turn_gateway.domain.sessions import Session
from focal_turn_gateway.ports import SessionReader
from focal_turn_gateway.transport.conversation import Conversation
from focal_turn_gateway.transport.streams import Streams

Context = grpc.aio.ServicerContext[Any, Any]
_MARGIN_S = 0.1
"""Kept of a caller's deadline, so that the answer says what became of the message instead of a bare
timeout.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What requests and streams may hold."""

    max_text_chars: int
    stream_buffer: int


class TurnGatewayServicer(api.TurnGatewayServiceServicer):
    """Where messages come in and replies go out."""

    def __init__(
        self,
        submit: Submit,
        send: Send,
        follow: Follow,
        reader: SessionReader,
        streams: Streams,
        limits: Limits,
    ) -> None:
        self._submit = submit
        self._send = send
        self._follow = follow
        self._reader = reader
        self._streams = streams
        self._limits = limits

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
        conversation, session_id = await self._set_up(first.setup)
        async with aclosing(conversation.run(aiter(request_iterator), session_id)) as frames:
            async for frame in frames:
                yield frame

    async def WatchSession(  # noqa: N802
        self, request: pb.WatchSessionRequest, context: Context
    ) -> AsyncIterator[pb.WatchSessionResponse]:
        """Follow a session from an offset."""
        session = await self._reader.session(
            identity.tenant(), ids.check_id(request.session_id, "session_id")
        )
        place = events.Place(session.tenant_id, session.agent_id, session.channel)
        offset = request.after_offset
        with self._streams.ticket() as due:
            async with aclosing(self._until(due, self._follow(session.session_id, offset))) as items:
                async for item in items:
                    if isinstance(item, StoredEvent):
                        offset = item.offset
                    elif request.events_only:
                        continue
                    yield _watch_frame(item, place)
            yield pb.WatchSessionResponse(go_away=self._streams.go_away(offset))

    def _submission(self, request: pb.SubmitMessageRequest | pb.SendMessageRequest) -> Submission:
        return requests.submission_from_proto(
            identity.tenant(request.tenant_id),
            requests.address_from_proto(request.address),
            request.content,
            request.request_id,
            self._limits.max_text_chars,
        )

    async def _set_up(self, setup: pb.ConverseSetup) -> tuple[Conversation, str]:
        tenant_id = identity.tenant(setup.tenant_id)
        address = requests.address_from_proto(setup.address)
        await self._submit.agents.require(tenant_id, address.agent_id)
        session = await self._reader.session_at(tenant_id, address)
        conversation = Conversation(
            self._submit,
            self._follow,
            self._streams,
            tenant_id,
            address,
            self._limits.max_text_chars,
            asyncio.Queue(self._limits.stream_buffer),
            _start_offset(setup, session),
        )
        return conversation, session.session_id if session else ""

    async def _until(
        self, due: asyncio.Event, items: AsyncIterator[Followed]
    ) -> AsyncGenerator[Followed, None]:
        """Items until the stream is due to end."""
        ending = asyncio.create_task(due.wait(), name="watch due")
        try:
            while True:
                following = asyncio.ensure_future(anext(items))
                try:
                    await asyncio.wait([following, ending], return_when=asyncio.FIRST_COMPLETED)
                    if ending.done():
                        return
                    yield following.result()
                finally:
                    following.cancel()
        finally:
            ending.cancel()


def _start_offset(setup: pb.ConverseSetup, session: Session | None) -> int:
    if setup.HasField("after_offset"):
        return setup.after_offset
    return session.last_offset if session else 0


def _watch_frame(item: Followed, place: events.Place) -> pb.WatchSessionResponse:
    if isinstance(item, StoredEvent):
        return pb.WatchSessionResponse(event=events.event_to_proto(item, place))
    if isinstance(item, TextDelta):
        return pb.WatchSessionResponse(text_delta=events.delta_to_proto(item))
    return pb.WatchSessionResponse(text_reset=events.reset_to_proto(item))
