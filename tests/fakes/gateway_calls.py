"""Calls to a gateway as its tests make them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest

from focal.turn.v1 import event_pb2, session_service_pb2_grpc
from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_kernel import errors as kernel_errors
from focal_service_kit import errors as wire
from tests.fakes import in_process

USER = "+4930123"


def stub(gateway: in_process.Running, token: str | None = None) -> Any:
    """Messages in, replies out."""
    return api.TurnGatewayServiceStub(gateway.channel(token))


def sessions(gateway: in_process.Running, token: str | None = None) -> Any:
    """Looks at sessions."""
    return session_service_pb2_grpc.SessionServiceStub(gateway.channel(token))


def address(user: str = USER) -> pb.Address:
    return pb.Address(agent_id="desk", channel="web", channel_user_id=user)


def submit(text: str, request_id: str = "", user: str = USER) -> pb.SubmitMessageRequest:
    return pb.SubmitMessageRequest(
        address=address(user), content=pb.MessageContent(text=text), request_id=request_id
    )


def send(text: str, request_id: str = "", user: str = USER) -> pb.SendMessageRequest:
    return pb.SendMessageRequest(
        address=address(user), content=pb.MessageContent(text=text), request_id=request_id
    )


def setup(user: str = USER, **fields: Any) -> pb.ConverseRequest:
    return pb.ConverseRequest(setup=pb.ConverseSetup(address=address(user), **fields))


def say(text: str, request_id: str = "") -> pb.ConverseRequest:
    message = pb.ConverseMessage(content=pb.MessageContent(text=text), request_id=request_id)
    return pb.ConverseRequest(message=message)


async def converse(gateway: in_process.Running, **fields: Any) -> Any:
    """An open conversation whose `ready` is still to be read."""
    call = stub(gateway).Converse(timeout=20)
    await call.write(setup(**fields))
    return call


async def frames(call: Any) -> AsyncIterator[Any]:
    """What is left on a stream."""
    while (frame := await call.read()) is not grpc.aio.EOF:
        yield frame


async def read_until(call: Any, wanted: Callable[[Any], Any], timeout_s: float = 10) -> list[Any]:
    """Frames up to the first that is wanted, which comes last."""
    read: list[Any] = []
    async with asyncio.timeout(timeout_s):
        async for frame in frames(call):
            read.append(frame)
            if wanted(frame):
                return read
    raise AssertionError(f"the stream ended before, after {read}")


def events(frames: list[Any]) -> list[event_pb2.FabricEvent]:
    """The stored events among frames."""
    return [frame.event for frame in frames if frame.WhichOneof("frame") == "event"]


def completed(frame: Any) -> bool:
    """Whether a frame says that a turn was committed."""
    return bool(frame.event.WhichOneof("body") == "turn_completed")


async def session_of(gateway: in_process.Running, session_id: str) -> Any:
    response = await sessions(gateway).GetSession(session_pb.GetSessionRequest(session_id=session_id))
    return response.session


async def refused(call: Any) -> tuple[grpc.StatusCode, kernel_errors.FocalError]:
    """Status and error of a call that must fail."""
    ending = _read(call) if hasattr(call, "read") else call
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ending
    return caught.value.code(), wire.from_rpc(caught.value)


async def _read(call: Any) -> None:
    async for _ in frames(call):
        pass
