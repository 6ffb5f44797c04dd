"""Runs attempts on the pipeline over one bidirectional stream each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from focal.pipeline.v1 import pipeline_service_pb2 as pb
from focal.pipeline.v1 import pipeline_service_pb2_grpc as api
from focal.pipeline.v1 import turn_run_pb2
from focal_service_kit import errors as wire
from focal_service_kit import tasks, tracing
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import attempts
from focal_turn_gateway.domain.messages import Message, traceparent
from focal_turn_gateway.domain.turns import Attempt, SupersedeAction
from focal_turn_gateway.ports.pipeline import PipelineFrame

_FATAL = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)
"""Answers that the same attempt would get again; a budget that ran out is one of them."""

_Call = grpc.aio.StreamStreamCall[pb.RunTurnRequest, pb.RunTurnResponse]


class GrpcPipeline:
    """`ports.Pipeline`. `token` mints the attempt's token, `budget_s` bounds an attempt in seconds,
    `supersede_default` knows what its channel does with messages that nobody judges, `noticed` is told how
    many seconds the pipeline took to notice an attempt.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        token: Callable[[Attempt], str],
        budget_s: float,
        supersede_default: Callable[[Attempt], Awaitable[SupersedeAction | None]],
        noticed: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._stub: Any = api.PipelineServiceStub(channel)
        self._token = token
        self._budget_s = budget_s
        self._supersede_default = supersede_default
        self._noticed = noticed

    @asynccontextmanager
    async def run(self, attempt: Attempt, effects: tuple[bytes, ...]) -> AsyncIterator[GrpcPipelineRun]:
        """Run an attempt; leaving the context cancels what still runs."""
        with tracing.continued(traceparent(attempt.messages)):
            call: _Call = self._stub.RunTurn(
                timeout=self._budget_s,
                metadata=(("authorization", f"Bearer {self._token(attempt)}"),),
                # A pipeline that restarts is waited for, so that its absence uses up no attempts.
                wait_for_ready=True,
            )
        try:
            run = GrpcPipelineRun(call)
            supersede_default = await self._supersede_default(attempt)
            await run.start(attempts.start_to_proto(attempt, effects, supersede_default))
            noticing = asyncio.create_task(self._notice(call), name="notice")
            try:
                yield run
            finally:
                await tasks.cancel([noticing])
        finally:
            call.cancel()

    async def _notice(self, call: _Call) -> None:
        began = time.monotonic()
        try:
            await call.initial_metadata()
        except grpc.aio.AioRpcError:
            return  # who reads the frames learns of it
        self._noticed(time.monotonic() - began)


class GrpcPipelineRun:
    """`ports.PipelineRun` over a call."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        self._writing = asyncio.Lock()

    async def start(self, start: turn_run_pb2.TurnStart) -> None:
        """Send the attempt."""
        await self._send(pb.RunTurnRequest(start=start))

    async def frames(self) -> AsyncIterator[PipelineFrame]:
        """What the pipeline says. Raises AttemptFailed when the call fails or ends without a result."""
        try:
            async for response in self._call:
                yield attempts.frame_from_proto(response)
        except grpc.aio.AioRpcError as error:
            raise _failed(error) from error
        raise errors.AttemptFailed("the pipeline ended without a result", fatal=False)

    async def tell_pending(self, messages: Sequence[Message]) -> None:
        """State that messages arrived."""
        await self._send(pb.RunTurnRequest(pending=attempts.pending_to_proto(messages)))

    async def tell_stored(self, name: str) -> None:
        """State that an artifact is durable."""
        await self._send(pb.RunTurnRequest(artifact_stored=attempts.stored_to_proto(name)))

    async def _send(self, request: pb.RunTurnRequest) -> None:
        try:
            # A call takes one write at a time; a second one meanwhile would fail both.
            async with self._writing:
                await self._call.write(request)
        except grpc.aio.AioRpcError as error:
            raise _failed(error) from error
        except (grpc.aio.InternalError, asyncio.InvalidStateError) as error:
            raise errors.AttemptFailed("the pipeline closed the stream", fatal=False) from error


def _failed(error: grpc.aio.AioRpcError) -> errors.AttemptFailed:
    reason = wire.from_rpc(error).reason
    return errors.AttemptFailed(reason, fatal=error.code() in _FATAL, unserved=reason == "MODEL_UNAVAILABLE")
