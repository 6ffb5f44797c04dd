"""Customers of the returns desk, with the patience of a message router.

Every saying has a request id of its own. When a gateway is away, slow or frozen, the same saying
goes to the next gateway under the same request id, until it is acknowledged.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import grpc

from focal.turn.v1 import turn_gateway_service_pb2 as api
from focal.turn.v1 import turn_gateway_service_pb2_grpc as gateway_grpc
from focal.turn.v1 import turn_pb2
from focal_client import channels, errors
from focal_kernel import ids

AGENT, CHANNEL = "returns_desk", "api"
PATIENCE_S = 60.0
ACK_TIMEOUT_S, REPLY_TIMEOUT_S = 2.0, 4.0
PAUSE_S = 0.05
_REPEATABLE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)

Request = TypeVar("Request")
Response = TypeVar("Response", api.SubmitMessageResponse, api.SendMessageResponse)


@dataclass(frozen=True)
class Acknowledgement:
    """A gateway said that a message is durable."""

    message_id: str
    session_id: str


@dataclass
class Saying:
    """Something a customer said once, however often it was sent."""

    text: str
    request_id: str = field(default_factory=lambda: ids.new_id("req"))
    acknowledged: list[Acknowledgement] = field(default_factory=list)


@dataclass
class Customer:
    """One customer; nobody else talks about `order`. `gateway` is the number of the one that is tried first,
    which is the last one that answered.
    """

    user: str
    order: str
    stubs: Sequence[gateway_grpc.TurnGatewayServiceAsyncStub]
    token: Callable[[], str]
    said: list[Saying] = field(default_factory=list)
    gateway: int = 0
    channel: str = CHANNEL

    async def say(self, text: str, *, repeat: int = 1) -> Saying:
        """Say something; returns when it is acknowledged. With `repeat` it is sent so often at once."""
        saying = Saying(text)
        self.said.append(saying)
        await asyncio.gather(*(self._submit(saying) for _ in range(repeat)))
        return saying

    def begin(self, text: str) -> asyncio.Task[Saying]:
        """Begin to say something that will not be acknowledged at once."""
        return asyncio.create_task(self.say(text), name=f"{self.user} says {text}")

    async def ask(self, text: str) -> turn_pb2.Turn:
        """Say something and wait for the turn that answers it."""
        saying = Saying(text)
        self.said.append(saying)
        return await self.answer(saying)

    async def answer(self, saying: Saying) -> turn_pb2.Turn:
        """The turn that answers a saying, sent again under its request id."""
        request = api.SendMessageRequest(
            address=self._address(),
            content=api.MessageContent(text=saying.text),
            request_id=saying.request_id,
        )
        answer = await self._insist(lambda stub: stub.SendMessage, request, REPLY_TIMEOUT_S)
        saying.acknowledged.append(Acknowledgement(answer.message_id, answer.session_id))
        return answer.turn

    async def _submit(self, saying: Saying) -> None:
        request = api.SubmitMessageRequest(
            address=self._address(),
            content=api.MessageContent(text=saying.text),
            request_id=saying.request_id,
        )
        answer = await self._insist(lambda stub: stub.SubmitMessage, request, ACK_TIMEOUT_S)
        saying.acknowledged.append(Acknowledgement(answer.message_id, answer.session_id))

    async def _insist(
        self,
        method: Callable[
            [gateway_grpc.TurnGatewayServiceAsyncStub], grpc.aio.UnaryUnaryMultiCallable[Request, Response]
        ],
        request: Request,
        timeout_s: float,
    ) -> Response:
        """Ask one gateway after the other until one answers."""
        async with asyncio.timeout(PATIENCE_S):
            for number in itertools.count(self.gateway):
                stub = self.stubs[number % len(self.stubs)]
                try:
                    metadata = channels.metadata(self.token)
                    answer = await method(stub)(request, timeout=timeout_s, metadata=metadata)
                except grpc.aio.AioRpcError as error:
                    _check(error)
                    await asyncio.sleep(PAUSE_S)
                else:
                    self.gateway = number
                    return answer
        raise AssertionError("counting never ends")

    def _address(self) -> api.Address:
        return api.Address(agent_id=AGENT, channel=self.channel, channel_user_id=self.user)


def _check(error: grpc.aio.AioRpcError) -> None:
    """Raise CallFailed for answers that no caller may get while processes crash."""
    failure = errors.from_rpc(error)
    if failure.reason and failure.status not in _REPEATABLE:
        raise failure


@asynccontextmanager
async def connected(targets: Sequence[str]) -> AsyncIterator[list[grpc.aio.Channel]]:
    """A channel to each gateway."""
    opened = [channels.channel(target, None) for target in targets]
    try:
        yield opened
    finally:
        await asyncio.gather(*(channel.close() for channel in opened))
