"""The pipeline's end of a RunTurn stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import cast

import grpc
import pytest

from focal.pipeline.v1 import pipeline_service_pb2 as messages
from focal_pipeline import errors
from focal_pipeline.core.interrupts import Interrupts
from focal_pipeline.domain.turn import Artifact
from focal_pipeline.transport.turn_stream import Context, TurnStream


class _OneWriteAtATime:
    """A call as grpc has it: a write goes on when nobody awaits it any more, and a second one then fails."""

    def __init__(self) -> None:
        self.taken: list[messages.RunTurnResponse] = []
        self.ready = asyncio.Event()
        self.reached = asyncio.Event()
        self._busy = False

    async def write(self, frame: messages.RunTurnResponse) -> None:
        if self._busy:
            raise grpc.aio.UsageError("GRPC_CALL_ERROR_TOO_MANY_OPERATIONS")
        self._busy = True
        self.reached.set()
        await self.ready.wait()
        self._busy = False
        self.taken.append(frame)


def _stream(call: _OneWriteAtATime) -> TurnStream:
    return TurnStream(cast(Context, call))


async def _frames(frames: Sequence[messages.RunTurnRequest]) -> AsyncIterator[messages.RunTurnRequest]:
    for frame in frames:
        yield frame


async def test_a_frame_whose_sender_is_cancelled_is_sent_whole_before_the_next_one() -> None:
    call = _OneWriteAtATime()
    stream = _stream(call)
    cut = asyncio.create_task(stream.text("one"))
    await call.reached.wait()
    cut.cancel()
    following = asyncio.create_task(stream.text("two"))
    await asyncio.wait({cut, following}, timeout=0.05)
    assert not cut.done()
    assert not following.done()
    call.ready.set()
    await asyncio.wait_for(following, 10)
    with pytest.raises(asyncio.CancelledError):
        await cut
    assert [frame.text.text for frame in call.taken] == ["one", "two"]


async def test_the_end_of_the_stream_leaves_an_artifact_alone_that_nobody_waits_for() -> None:
    call = _OneWriteAtATime()
    call.ready.set()
    stream = _stream(call)
    cut = asyncio.create_task(stream.store(Artifact("cut", "{}")))
    waiting = asyncio.create_task(stream.store(Artifact("waiting", "{}")))
    while len(call.taken) < 2:
        await asyncio.sleep(0)
    cut.cancel()
    await asyncio.wait({cut})
    await stream.listen(_frames(()), cast(Interrupts, None))
    with pytest.raises(errors.StreamProtocol):
        await waiting
