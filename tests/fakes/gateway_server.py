"""A gateway that answers as its test scripts it, over real gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from focal.turn.v1 import event_pb2, turn_pb2
from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal.turn.v1 import turn_gateway_service_pb2_grpc as gateway_grpc

Stream = Callable[["FakeStream"], Awaitable[None]]


@dataclass
class FakeStream:
    """One `Converse` call, seen from the server."""

    requests: AsyncIterator[gateway.ConverseRequest]
    context: Any

    async def frame(self) -> gateway.ConverseRequest:
        """The next frame of the client."""
        return await anext(self.requests)

    async def send(self, **frame: Any) -> None:
        """A frame to the client, named as in the contract."""
        await self.context.write(gateway.ConverseResponse(**frame))

    async def open(self, offset: int = 0) -> gateway.ConverseSetup:
        """Take the setup and say ready."""
        setup = (await self.frame()).setup
        await self.send(ready=gateway.ConverseReady(session_id="ses_1", offset=offset))
        return setup

    async def accept(self, message_id: str = "msg_1", session_id: str = "ses_1") -> gateway.ConverseMessage:
        """Take a message and acknowledge it."""
        message = (await self.frame()).message
        accepted = gateway.MessageAccepted(
            request_id=message.request_id, message_id=message_id, session_id=session_id, sequence=1
        )
        await self.send(accepted=accepted)
        return message

    async def until_closed(self) -> None:
        """Stay open until the client leaves."""
        await asyncio.Event().wait()


@dataclass
class FakeGateway:
    """Plays the scripted streams in turn, and the scripted answers of unary calls."""

    converse: list[Stream] = field(default_factory=list)
    submit: list[gateway.SubmitMessageResponse | grpc.StatusCode] = field(default_factory=list)
    watch: list[list[gateway.WatchSessionResponse] | grpc.StatusCode] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    async def Converse(self, request_iterator: Any, context: Any) -> None:  # noqa: N802
        self.tokens.append(dict(context.invocation_metadata())["authorization"])
        await self.converse.pop(0)(FakeStream(request_iterator, context))

    async def SubmitMessage(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        answer = self.submit.pop(0)
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, "scripted")
        return answer

    async def WatchSession(self, request: Any, context: Any) -> None:  # noqa: N802
        self.seen.append(request)
        answer = self.watch.pop(0)
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, "scripted")
            return
        for frame in answer:
            await context.write(frame)
        if not self.watch:
            await asyncio.Event().wait()

    async def _not_scripted(self, request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no test needs it")

    SendMessage = TriggerTurn = ConfirmAction = CancelTurn = _not_scripted


@asynccontextmanager
async def serving(fake: FakeGateway) -> AsyncIterator[str]:
    """Serve on a free loopback port; yields the target."""
    server = grpc.aio.server()
    gateway_grpc.add_TurnGatewayServiceServicer_to_server(cast(Any, fake), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)


def completed(offset: int, text: str, *message_ids: str, session_id: str = "ses_1") -> event_pb2.FabricEvent:
    """The stored event of a committed turn."""
    turn = turn_pb2.Turn(
        turn_id=f"trn_{offset}", message_ids=message_ids, reply=[turn_pb2.ReplySegment(text=text)]
    )
    body = event_pb2.TurnCompleted(turn=turn)
    return event_pb2.FabricEvent(offset=offset, session_id=session_id, turn_completed=body)


async def refuse(context: Any, status: grpc.StatusCode, reason: str) -> None:
    """End a call as Focal's services do."""
    answer = status_pb2.Status(code=status.value[0], message="refused")
    answer.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="focal"))
    await context.abort_with_status(rpc_status.to_status(answer))
