"""One `Converse` stream: messages in, acknowledgements, events and live text out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal_kernel import errors as kernel_errors
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import events, requests
from focal_turn_gateway.core.follow import Follow, Followed
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.domain.events import StoredEvent, TextDelta, TurnCompleted, TurnFailed
from focal_turn_gateway.domain.messages import Accepted, Address
from focal_turn_gateway.transport.streams import Streams


@dataclass(slots=True)
class Conversation:
    """The state of one stream. `frames` holds what waits to be written; a slow reader makes its writers
    wait.
    """

    submit: Submit
    follow: Follow
    streams: Streams
    tenant_id: str
    address: Address
    max_chars: int
    frames: asyncio.Queue[pb.ConverseResponse | None]
    offset: int = 0
    following: asyncio.Task[None] | None = None
    unanswered: set[str] = field(default_factory=set)
    half_closed: bool = False

    async def run(
        self, incoming: AsyncIterator[pb.ConverseRequest], session_id: str
    ) -> AsyncGenerator[pb.ConverseResponse, None]:
        """Frames to the client until it leaves, or until it said its last word and has its last reply."""
        yield pb.ConverseResponse(ready=pb.ConverseReady(session_id=session_id, offset=self.offset))
        if session_id:
            self._start_following(session_id)
        reading = asyncio.create_task(self._read(incoming), name="converse read")
        try:
            with self.streams.ticket() as due:
                leaving = asyncio.create_task(self._leave(due), name="converse leave")
                try:
                    while (frame := await self.frames.get()) is not None:
                        yield frame
                finally:
                    leaving.cancel()
            if reading.done() and not reading.cancelled():
                reading.result()
        finally:
            reading.cancel()
            if self.following is not None:
                self.following.cancel()

    async def _leave(self, due: asyncio.Event) -> None:
        await due.wait()
        await self.frames.put(pb.ConverseResponse(go_away=self.streams.go_away(self.offset)))
        await self.frames.put(None)

    async def _read(self, incoming: AsyncIterator[pb.ConverseRequest]) -> None:
        try:
            async for request in incoming:
                match request.WhichOneof("frame"):
                    case "message":
                        await self.frames.put(await self._take(request.message))
                    case "typing":
                        continue
                    case _:
                        raise errors.StreamProtocol("setup is sent once, then messages and typing")
        except kernel_errors.FocalError:
            await self.frames.put(None)
            raise
        self.half_closed = True
        await self._end_when_answered()

    async def _take(self, message: pb.ConverseMessage) -> pb.ConverseResponse:
        """Store a message; a refusal is a frame, the stream goes on."""
        try:
            submission = requests.submission_from_proto(
                self.tenant_id, self.address, message.content, message.request_id, self.max_chars
            )
            accepted = await self.submit(submission)
        except kernel_errors.FocalError as refusal:
            return pb.ConverseResponse(rejected=_rejected(message.request_id, refusal))
        self._expect(accepted)
        return pb.ConverseResponse(
            accepted=pb.MessageAccepted(
                request_id=message.request_id,
                message_id=accepted.message_id,
                session_id=accepted.session_id,
                sequence=accepted.sequence,
                duplicate=accepted.duplicate,
            )
        )

    def _expect(self, accepted: Accepted) -> None:
        if not accepted.duplicate:
            self.unanswered.add(accepted.message_id)
            if self.following is None:
                self.offset = accepted.event_offset - 1
        if self.following is None:
            self._start_following(accepted.session_id)

    def _start_following(self, session_id: str) -> None:
        self.following = asyncio.create_task(self._forward(session_id), name="converse follow")

    async def _forward(self, session_id: str) -> None:
        place = events.Place(self.tenant_id, self.address.agent_id, self.address.channel)
        async with aclosing(self.follow(session_id, self.offset)) as items:
            async for item in items:
                await self.frames.put(_frame(item, place))
                if isinstance(item, StoredEvent):
                    self.offset = item.offset
                    self._note_answered(item)
                    await self._end_when_answered()

    def _note_answered(self, event: StoredEvent) -> None:
        if isinstance(event.body, TurnCompleted | TurnFailed):
            self.unanswered.difference_update(event.body.turn.message_ids)

    async def _end_when_answered(self) -> None:
        if self.half_closed and not self.unanswered:
            await self.frames.put(None)


def _frame(item: Followed, place: events.Place) -> pb.ConverseResponse:
    if isinstance(item, StoredEvent):
        return pb.ConverseResponse(event=events.event_to_proto(item, place))
    if isinstance(item, TextDelta):
        return pb.ConverseResponse(text_delta=events.delta_to_proto(item))
    return pb.ConverseResponse(text_reset=events.reset_to_proto(item))


def _rejected(request_id: str, refusal: kernel_errors.FocalError) -> pb.MessageRejected:
    frame = pb.MessageRejected(request_id=request_id, reason=refusal.reason, message=refusal.message)
    if refusal.retry_after_s is not None:
        frame.retry_after.FromMilliseconds(int(refusal.retry_after_s * 1000))
    return frame
