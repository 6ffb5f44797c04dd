"""One `Converse` stream: messages in, acknowledgements, events and live text out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal_kernel import errors as kernel_errors
from focal_kernel import ids
from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import events, requests
from focal_turn_gateway.core.confirm_action import ConfirmAction
from focal_turn_gateway.core.follow import Follow, Followed
from focal_turn_gateway.core.keep_open import KeepOpen
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.events import (
    StoredEvent,
    TextDelta,
    TurnCancelled,
    TurnCompleted,
    TurnFailed,
    TurnSuperseded,
)
from focal_turn_gateway.domain.messages import Accepted, Address
from focal_turn_gateway.ports.sessions import SessionReader
from focal_turn_gateway.transport.frames import Frames
from focal_turn_gateway.transport.streams import Streams

_TYPING_EVERY_S = 0.5
"""Signs of typing that come faster say nothing new."""


@dataclass(frozen=True, slots=True)
class Conversing:
    """What every conversation uses; `buffer` is the number of frames held for a slow reader."""

    submit: Submit
    confirm: ConfirmAction
    registry: Registry
    keep_open: KeepOpen
    follow: Follow
    reader: SessionReader
    streams: Streams
    max_chars: int
    buffer: int

    async def begin(
        self, tenant_id: str, tier: str, setup: pb.ConverseSetup, *, verified: bool = False
    ) -> Conversation:
        """A conversation at an address, from what the client has seen or from what is new.

        Raises InvalidArgument (INVALID_ID, INVALID_FIELD), UnknownChannel, NotFound (AGENT_NOT_FOUND),
        EventsRemoved.
        """
        address = requests.address_from_proto(setup.address, self.registry)
        after_offset = requests.offset_from_proto(setup.after_offset)
        await self.submit.agents.require(tenant_id, address.agent_id)
        seen_id = ids.check_id(setup.session_id, "session_id") if setup.session_id else ""
        session = await self.reader.session_at(tenant_id, address, seen_id)
        session_id = session.session_id if session else ""
        if session_id != seen_id and seen_id and session_id:
            after_offset = 0
        if session_id:
            await self.follow.check(session_id, after_offset)
        last_offset = session.last_offset if session else 0
        return Conversation(
            uses=self,
            tenant_id=tenant_id,
            tier=tier,
            address=address,
            verified=verified,
            session_id=session_id,
            frames=Frames(self.buffer),
            offset=after_offset if setup.HasField("after_offset") else last_offset,
            through={session_id: last_offset},
        )


@dataclass(slots=True)
class Conversation:
    """The state of one stream.

    `session_id` is the address's latest session as the stream knows it: when one ends, the next message opens
    another, and the stream follows both. `offset` is that of the last event of it that was written, or from
    where following starts. The stream had its last word when it `followed` each session `through` and nothing
    is left in `unanswered`: messages without a reply, and turns that answers to questions have opened.
    `meanwhile` holds what was answered while one of these was on its way into the store, else it is None.
    """

    uses: Conversing
    tenant_id: str
    tier: str
    address: Address
    verified: bool
    session_id: str
    frames: Frames[pb.ConverseResponse]
    offset: int
    through: dict[str, int]
    following: list[asyncio.Task[None]] = field(default_factory=list)
    followed: dict[str, int] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    meanwhile: set[str] | None = None
    half_closed: bool = False
    typed_at: float = 0.0

    async def run(
        self, incoming: AsyncIterator[pb.ConverseRequest]
    ) -> AsyncGenerator[pb.ConverseResponse, None]:
        """Frames to the client until it leaves, or until it said its last word and has its last reply."""
        yield pb.ConverseResponse(ready=pb.ConverseReady(session_id=self.session_id, offset=self.offset))
        if self.session_id:
            self._start_following(self.session_id, self.offset)
        reading = self.frames.fed_by(self._read(incoming), "converse read")
        try:
            with self.uses.streams.open(self.frames.end):
                async with aclosing(self.frames.written()) as frames:
                    async for frame in frames:
                        if frame.event.offset and frame.event.session_id == self.session_id:
                            self.offset = frame.event.offset
                        yield frame
            if self.uses.streams.draining:
                yield pb.ConverseResponse(go_away=self.uses.streams.go_away(self.offset))
        finally:
            await tasks.cancel([reading, *self.following])

    async def _read(self, incoming: AsyncIterator[pb.ConverseRequest]) -> None:
        async for request in incoming:
            match request.WhichOneof("frame"):
                case "message":
                    await self.frames.put(await self._take(request.message))
                case "confirm":
                    await self.frames.put(await self._answer(request.confirm))
                case "typing":
                    await self._note_typing(request.typing)
                case _:
                    raise errors.StreamProtocol("setup is sent once, then messages, answers and typing")
        self.half_closed = True
        self._end_when_answered()

    async def _take(self, message: pb.ConverseMessage) -> pb.ConverseResponse:
        """Store a message; a refusal is a frame, the stream goes on."""
        self.meanwhile = answered = set[str]()
        try:
            submission = requests.submission_from_proto(
                self.tenant_id,
                self.address,
                message.content,
                message.request_id,
                self.uses.max_chars,
                self.tier,
                address_verified=self.verified,
            )
            accepted = await self.uses.submit(submission)
            await self._expect(accepted, answered)
        except kernel_errors.FocalError as refusal:
            return pb.ConverseResponse(rejected=_rejected(message.request_id, refusal))
        finally:
            self.meanwhile = None
        return pb.ConverseResponse(
            accepted=pb.MessageAccepted(
                request_id=message.request_id,
                message_id=accepted.message_id,
                session_id=accepted.session_id,
                sequence=accepted.sequence,
                duplicate=accepted.duplicate,
            )
        )

    async def _answer(self, confirm: pb.ConverseConfirm) -> pb.ConverseResponse:
        """Record the customer's answer; a refusal is a frame, the stream goes on to the end of its turn."""
        self.meanwhile = answered = set[str]()
        try:
            answer = requests.answer_from_proto(self.tenant_id, self.session_id, confirm)
            recorded = await self.uses.confirm(answer)
        except kernel_errors.FocalError as refusal:
            return pb.ConverseResponse(rejected=_rejected(confirm.request_id, refusal))
        finally:
            self.meanwhile = None
        if not recorded.already_open and recorded.turn_id not in answered:
            self.unanswered.add(recorded.turn_id)
        confirmed = pb.AnswerConfirmed(
            request_id=confirm.request_id,
            confirmation_id=confirm.confirmation_id,
            turn_id=recorded.turn_id,
        )
        confirmed.expires_at.FromDatetime(recorded.expires_at)
        return pb.ConverseResponse(confirmed=confirmed)

    async def _expect(self, accepted: Accepted, answered: set[str]) -> None:
        """Note what the stream must still deliver before it may end: an answer, or the events up to it."""
        session_id = accepted.session_id
        if not self.followed or (session_id not in self.followed and not accepted.duplicate):
            self.session_id = session_id
            self.offset = self.offset if accepted.duplicate else accepted.event_offset - 1
            self._start_following(session_id, self.offset)
        elif session_id not in self.followed:
            # An earlier session's, from the next event on; read before the answer, so that it is not missed.
            session = await self.uses.reader.session(self.tenant_id, session_id)
            self._start_following(session_id, session.last_offset)
        if accepted.duplicate:
            # Read in this order, the answer is not behind the offset.
            turn = await self.uses.reader.turn_answering(self.tenant_id, accepted.message_id)
            session = await self.uses.reader.session(self.tenant_id, session_id)
            self.through[session_id] = max(self.through.get(session_id, 0), session.last_offset)
            answered |= set(turn.message_ids if turn else ())
        if accepted.message_id not in answered:
            self.unanswered.add(accepted.message_id)

    async def _note_typing(self, typing: pb.ConverseTyping) -> None:
        now = time.monotonic()
        if typing.active and self.session_id and now - self.typed_at > _TYPING_EVERY_S:
            self.typed_at = now
            await self.uses.keep_open(self.tenant_id, self.session_id)
        elif not typing.active and self.typed_at:
            self.typed_at = 0.0
            await self.uses.keep_open.stopped(self.tenant_id, self.session_id)

    def _start_following(self, session_id: str, after_offset: int) -> None:
        self.followed[session_id] = after_offset
        forwarding = self._forward(session_id, after_offset)
        self.following.append(self.frames.fed_by(forwarding, "converse follow"))

    async def _forward(self, session_id: str, after_offset: int) -> None:
        place = events.Place(self.tenant_id, self.address.agent_id, self.address.channel)
        async with aclosing(self.uses.follow(session_id, after_offset)) as items:
            async for item in items:
                await self.frames.put(_frame(item, place))
                if isinstance(item, StoredEvent):
                    self.followed[session_id] = item.offset
                    self._note_answered(item)
                    self._end_when_answered()

    def _note_answered(self, event: StoredEvent) -> None:
        if isinstance(event.body, TurnSuperseded) and event.turn_id in self.unanswered:
            self.unanswered.remove(event.turn_id)
            self.unanswered.add(event.body.superseded_by)
        if isinstance(event.body, TurnCompleted | TurnFailed | TurnCancelled):
            closed = {event.turn_id}
            if not isinstance(event.body, TurnCancelled):
                closed.update(event.body.turn.message_ids)
            if self.meanwhile is not None:
                self.meanwhile.update(closed)
            self.unanswered.difference_update(closed)

    def _end_when_answered(self) -> None:
        behind = any(self.followed.get(session, 0) < offset for session, offset in self.through.items())
        if self.half_closed and not self.unanswered and not behind:
            self.frames.end()


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
