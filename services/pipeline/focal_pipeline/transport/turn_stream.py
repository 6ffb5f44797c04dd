"""One RunTurn stream: writes frames one at a time, and hands incoming facts to whoever waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from focal.pipeline.v1 import pipeline_service_pb2 as messages
from focal_pipeline import errors
from focal_pipeline.core.interrupts import Interrupts
from focal_pipeline.domain.turn import Artifact, Decision, Event
from focal_pipeline.transport import result_codec, turn_codec

Context = grpc.aio.ServicerContext[Any, Any]


class TurnStream:
    """Implements the port `Output` on a call. grpc takes one write at a time, tools run side by side:
    hence the lock.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._writing = asyncio.Lock()
        self._texts = 0
        self._stored: dict[str, asyncio.Future[None]] = {}
        self._heard_all = False

    async def write(self, frame: messages.RunTurnResponse) -> None:
        """Send a frame. It is sent whole even if whoever sends it is cancelled meanwhile: grpc goes on with a
        write that nobody awaits any more, and would fail the next one.
        """
        async with self._writing:
            sending = asyncio.ensure_future(self._context.write(frame))
            try:
                await asyncio.shield(sending)
            except asyncio.CancelledError:
                await asyncio.wait((sending,))
                raise

    async def event(self, event: Event) -> None:
        """See Output."""
        await self.write(messages.RunTurnResponse(event=result_codec.event_to_proto(event)))

    async def text(self, text: str) -> None:
        """See Output."""
        self._texts += 1
        frame = messages.RunTurnResponse()
        frame.text.sequence, frame.text.text = self._texts, text
        await self.write(frame)

    async def decision(self, decision: Decision) -> None:
        """See Output."""
        await self.write(messages.RunTurnResponse(decision=result_codec.decision_to_proto(decision)))

    async def store(self, artifact: Artifact) -> None:
        """See Output."""
        if self._heard_all:
            raise _unheard()
        durable = asyncio.get_running_loop().create_future()
        self._stored[artifact.name] = durable
        await self.write(messages.RunTurnResponse(artifact=result_codec.artifact_to_proto(artifact)))
        await durable

    async def offer(self, artifact: Artifact) -> None:
        """See Output."""
        frame = result_codec.artifact_to_proto(artifact, acknowledge=False)
        await self.write(messages.RunTurnResponse(artifact=frame))

    async def listen(self, frames: AsyncIterator[messages.RunTurnRequest], interrupts: Interrupts) -> None:
        """Take in facts until the gateway has no more. Raises StreamProtocol on a second start."""
        async for frame in frames:
            match frame.WhichOneof("frame"):
                case "pending":
                    interrupts.state(turn_codec.messages_from_proto(frame.pending.messages))
                case "artifact_stored":
                    self._note_stored(frame.artifact_stored.name)
                case "start":
                    raise errors.StreamProtocol("start came twice")
        self._heard_all = True
        for durable in self._stored.values():
            if not durable.done():  # nobody waits for one whose attempt was cut short
                durable.set_exception(_unheard())

    def _note_stored(self, name: str) -> None:
        durable = self._stored.pop(name, None)
        if durable is not None and not durable.done():
            durable.set_result(None)


def _unheard() -> errors.StreamProtocol:
    return errors.StreamProtocol("the stream was half closed while an artifact waits to be stored")
