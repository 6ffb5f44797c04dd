"""A conversation over one bidirectional stream that survives the stream.

A background reader owns the stream: it hands acknowledgements to ``say`` and everything else to
whoever iterates. When the gateway goes away, the reader opens a new stream after the last event it
has seen and repeats the messages that were not acknowledged, under their request ids.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc

from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal_client import calls, errors, events
from focal_kernel import ids

Call = grpc.aio.StreamStreamCall[gateway.ConverseRequest, gateway.ConverseResponse]
OpenStream = Callable[[], Call]

UNREAD_DELTAS = 10_000
"""Live text beyond this many unread frames is dropped; stored events never are."""


@dataclass(frozen=True)
class _Pending:
    """A message or answer that was not acknowledged yet, and who waits for it."""

    request_id: str
    frame: gateway.ConverseRequest
    outcome: asyncio.Future[Any]


class Conversation:
    """One customer's conversation with one agent; use it as an async context manager."""

    def __init__(
        self,
        open_stream: OpenStream,
        address: gateway.Address,
        *,
        after_offset: int | None = None,
        reconnect_within_s: float = 30.0,
    ) -> None:
        self.session_id = ""
        self.offset = after_offset
        self._seen: dict[str, int] = {}
        self._open_stream = open_stream
        self._address = address
        self._reconnect_within_s = reconnect_within_s
        self._pending: list[_Pending] = []
        self._frames: asyncio.Queue[events.Frame | Exception] = asyncio.Queue()
        self._writing = asyncio.Lock()
        self._call: Call | None = None
        self._reader: asyncio.Task[None] | None = None
        self._end: Exception | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except grpc.aio.AioRpcError as failure:
            raise errors.from_rpc(failure) from None
        self._reader = asyncio.create_task(self._read(), name="focal conversation reader")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finish(errors.ConversationClosed("the conversation was closed"))
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._call is not None:
            self._call.cancel()

    async def say(
        self, text: str, *, request_id: str = "", metadata: dict[str, str] | None = None
    ) -> events.Accepted:
        """Send a message and wait until it is durable; raises CallFailed when it is refused.

        Saying the same ``request_id`` again is acknowledged as a duplicate; by default each call
        makes a new one.
        """
        message = gateway.ConverseMessage(
            content=gateway.MessageContent(text=text, metadata=metadata),
            request_id=request_id or ids.new_id("req"),
        )
        accepted: events.Accepted = await self._tell(
            message.request_id, gateway.ConverseRequest(message=message)
        )
        return accepted

    async def confirm(self, confirmation_id: str, accepted: bool, *, request_id: str = "") -> events.Answered:
        """Answer a ``question`` and wait until the answer is recorded; raises CallFailed when it is refused.

        What came of it is told by the reply of its turn.
        """
        confirm = gateway.ConverseConfirm(
            confirmation_id=confirmation_id,
            accepted=accepted,
            request_id=request_id or ids.new_id("req"),
        )
        answered: events.Answered = await self._tell(
            confirm.request_id, gateway.ConverseRequest(confirm=confirm)
        )
        return answered

    async def _tell(self, request_id: str, frame: gateway.ConverseRequest) -> Any:
        """Send what is acknowledged, again on the next stream when this one ends first."""
        if self._end is not None:
            raise self._end
        pending = _Pending(request_id, frame, asyncio.get_running_loop().create_future())
        self._pending.append(pending)
        await self._write(frame)
        return await pending.outcome

    async def typing(self, active: bool = True) -> None:
        """Tell that the customer is typing, so that the agent waits for the rest."""
        typing = gateway.ConverseTyping(active=active)
        await self._write(gateway.ConverseRequest(typing=typing))

    async def ask(self, text: str, *, request_id: str = "") -> events.Reply:
        """Say something and read until the reply that answers it; what comes before is dropped."""
        accepted = await self.say(text, request_id=request_id)
        async for frame in self:
            if isinstance(frame, events.Reply) and accepted.message_id in frame.turn.message_ids:
                return frame
        raise errors.ConversationClosed("the conversation ended before the reply")

    async def __aiter__(self) -> AsyncIterator[events.Frame]:
        while True:
            frame = await self._frames.get()
            if isinstance(frame, Exception):
                self._frames.put_nowait(frame)  # for whoever iterates next
                if isinstance(frame, errors.ConversationClosed):
                    return
                raise frame
            yield frame

    async def _open(self) -> None:
        """Open a stream, wait until it is ready, and repeat what was not acknowledged."""
        setup = gateway.ConverseSetup(
            address=self._address, after_offset=self.offset, session_id=self.session_id
        )
        call = self._open_stream()
        await call.write(gateway.ConverseRequest(setup=setup))
        frame = await call.read()
        if not isinstance(frame, gateway.ConverseResponse) or not frame.HasField("ready"):
            raise _not_ready(call)
        if self.offset is None or frame.ready.session_id != self.session_id:
            self.offset = frame.ready.offset
        self.session_id = frame.ready.session_id
        self._seen[self.session_id] = self.offset
        self._call = call
        for pending in list(self._pending):
            await self._write(pending.frame)

    async def _read(self) -> None:
        """Read frames until the conversation ends, over as many streams as it takes."""
        try:
            while True:
                await self._read_stream()
                await self._leave_stream()
                await self._reopen()
        except grpc.aio.AioRpcError as failure:
            self._finish(errors.from_rpc(failure))

    async def _read_stream(self) -> None:
        """Read one stream to its end; raises AioRpcError when there is no point in another."""
        assert self._call is not None
        try:
            while isinstance(frame := await self._call.read(), gateway.ConverseResponse):
                if frame.WhichOneof("frame") == "go_away":
                    return
                self._take(frame)
        except grpc.aio.AioRpcError as failure:
            if not calls.is_broken(failure):
                raise

    async def _leave_stream(self) -> None:
        # Under the lock: a write to a call that is cancelled meanwhile would cancel its writer.
        async with self._writing:
            if self._call is not None:
                self._call.cancel()
            self._call = None

    async def _reopen(self) -> None:
        deadline = time.monotonic() + self._reconnect_within_s
        for pause_s in calls.pauses():
            try:
                await self._open()
            except grpc.aio.AioRpcError as failure:
                if not calls.is_broken(failure) or time.monotonic() > deadline:
                    raise
            else:
                return
            await asyncio.sleep(pause_s)

    def _take(self, frame: gateway.ConverseResponse) -> None:
        match frame.WhichOneof("frame"):
            case "accepted":
                self._go_to(frame.accepted)
                self._settle(frame.accepted.request_id, events.from_accepted(frame.accepted))
            case "confirmed":
                self._settle(frame.confirmed.request_id, events.from_confirmed(frame.confirmed))
            case "rejected":
                self._settle(frame.rejected.request_id, _rejection(frame.rejected))
            case "event":
                self._take_event(frame)
            case _:
                if self._frames.qsize() < UNREAD_DELTAS and (live := events.from_frame(frame)):
                    self._frames.put_nowait(live)

    def _go_to(self, accepted: gateway.MessageAccepted) -> None:
        """After an end the next message opens another session; a repeat may be about an earlier one."""
        if self.session_id and accepted.duplicate:
            return
        self.session_id = accepted.session_id
        self.offset = self._seen.get(self.session_id, 0)

    def _take_event(self, frame: gateway.ConverseResponse) -> None:
        session_id, offset = frame.event.session_id, frame.event.offset
        if offset <= self._seen.get(session_id, 0):
            return  # seen before the stream was resumed
        self._seen[session_id] = offset
        if session_id == self.session_id:
            self.offset = offset
        self._frames.put_nowait(events.from_event(frame.event))

    def _settle(
        self, request_id: str, outcome: events.Accepted | events.Answered | errors.CallFailed
    ) -> None:
        for pending in self._pending:
            if pending.request_id == request_id:
                self._pending.remove(pending)
                _resolve(pending.outcome, outcome)
                return

    async def _write(self, request: gateway.ConverseRequest) -> None:
        """Write if there is a stream that takes it; if not, ``_open`` writes what is pending."""
        async with self._writing:
            if self._call is not None:
                with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    await self._call.write(request)

    def _finish(self, why: Exception) -> None:
        if self._end is not None:
            return
        self._end = why
        self._frames.put_nowait(why)
        for pending in self._pending:
            _resolve(pending.outcome, why)
        self._pending.clear()


def _resolve(future: asyncio.Future[Any], outcome: events.Accepted | events.Answered | Exception) -> None:
    if future.done():
        return  # whoever waited has been cancelled
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _rejection(rejected: gateway.MessageRejected) -> errors.CallFailed:
    wait_s = errors.seconds(rejected.retry_after) if rejected.HasField("retry_after") else None
    status = grpc.StatusCode.UNAVAILABLE if wait_s else grpc.StatusCode.INVALID_ARGUMENT
    return errors.CallFailed(status, rejected.reason, rejected.message, retry_after_s=wait_s)


def _not_ready(call: Call) -> grpc.aio.AioRpcError:
    """The failure of a stream that ended, or went on, without the first frame it owes."""
    call.cancel()
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, nothing, nothing, "the stream did not begin with `ready`"
    )
