"""Bad input over the running mesh: a clear status with its reason, and nothing of it stored."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import grpc
import pytest

from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal.turn.v1 import turn_gateway_service_pb2_grpc as gateway_grpc
from focal_client import channels, errors
from tests.mesh.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

TIMEOUT_S = 10.0
MEGABYTE = 1_000_000
INVALID = grpc.StatusCode.INVALID_ARGUMENT


@dataclass(frozen=True)
class Message:
    """A good message; each case spoils one thing."""

    agent_id: str = "returns_desk"
    channel: str = "web"
    user: str = "user-of-bad-input"
    text: str = "Hello!"
    request_id: str = ""
    tenant: str = "demo"
    body_tenant: str = ""

    def request(self, kind: type[Any]) -> Any:
        address = gateway.Address(agent_id=self.agent_id, channel=self.channel, channel_user_id=self.user)
        content = gateway.MessageContent(text=self.text)
        return kind(address=address, content=content, request_id=self.request_id, tenant_id=self.body_tenant)


GOOD = Message()
Case = tuple[Message, grpc.StatusCode, str]
ADDRESSES: dict[str, Case] = {
    "an unknown tenant": (replace(GOOD, tenant="nobody"), grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND"),
    "an unknown agent": (replace(GOOD, agent_id="nobody"), grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND"),
    "another tenant in the body": (
        replace(GOOD, body_tenant="other"),
        grpc.StatusCode.PERMISSION_DENIED,
        "TENANT_MISMATCH",
    ),
    "an agent id with a colon": (replace(GOOD, agent_id="returns:desk"), INVALID, "INVALID_ID"),
    "an agent id with a line break": (replace(GOOD, agent_id="returns\ndesk"), INVALID, "INVALID_ID"),
    "no agent id": (replace(GOOD, agent_id=""), INVALID, "INVALID_ID"),
    "a user id with a NUL": (replace(GOOD, user="ada\x00"), INVALID, "INVALID_ID"),
    "no user id": (replace(GOOD, user=""), INVALID, "INVALID_ID"),
    "a user id over 256 bytes": (replace(GOOD, user="ü" * 129), INVALID, "INVALID_ID"),
    "an unknown channel": (replace(GOOD, channel="pigeon"), INVALID, "UNKNOWN_CHANNEL"),
}
CONTENTS: dict[str, Case] = {
    "a request id with a tab": (replace(GOOD, request_id="a\tb"), INVALID, "INVALID_ID"),
    "empty text": (replace(GOOD, text=""), INVALID, "EMPTY_TEXT"),
    "invisible text": (replace(GOOD, text=" \n\u200b"), INVALID, "EMPTY_TEXT"),
    "a megabyte of text": (replace(GOOD, text="x" * MEGABYTE), INVALID, "TEXT_TOO_LONG"),
    "text with a NUL": (replace(GOOD, text="a\x00b"), INVALID, "INVALID_FIELD"),
}


def cases(chosen: dict[str, Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("bad", "status", "reason"), chosen.values(), ids=chosen)


@cases(ADDRESSES | CONTENTS)
@pytest.mark.parametrize("rpc", ["SubmitMessage", "SendMessage"])
async def test_a_bad_message_is_refused_and_leaves_nothing(
    desk: Desk, rpc: str, bad: Message, status: grpc.StatusCode, reason: str
) -> None:
    before = await stored(desk)
    async with connected(desk, bad.tenant) as (stub, metadata):
        kind = getattr(gateway, f"{rpc}Request")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await getattr(stub, rpc)(bad.request(kind), timeout=TIMEOUT_S, metadata=metadata)
    failure = errors.from_rpc(caught.value)
    assert (failure.status, failure.reason) == (status, reason)
    assert await stored(desk) == before


@cases(ADDRESSES)
async def test_a_stream_to_a_bad_address_is_refused(
    desk: Desk, bad: Message, status: grpc.StatusCode, reason: str
) -> None:
    async with conversing(desk, bad) as call:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await frame(call)
    failure = errors.from_rpc(caught.value)
    assert (failure.status, failure.reason) == (status, reason)


@cases(CONTENTS)
async def test_a_bad_message_in_a_stream_is_rejected_and_the_stream_goes_on(
    desk: Desk, bad: Message, status: grpc.StatusCode, reason: str
) -> None:
    good = replace(GOOD, user=f"user-{secrets.token_hex(4)}")
    before = await stored(desk)
    async with conversing(desk, good) as call:
        assert (await frame(call)).HasField("ready")
        await say(call, bad)
        rejected = (await frame(call)).rejected
        assert (rejected.reason, rejected.request_id) == (reason, bad.request_id)
        assert await stored(desk) == before
        await say(call, good)
        assert (await frame(call)).HasField("accepted")


@pytest.mark.parametrize(
    "first",
    [
        gateway.ConverseRequest(typing=gateway.ConverseTyping(active=True)),
        gateway.ConverseRequest(
            message=gateway.ConverseMessage(content=gateway.MessageContent(text="Hello!"))
        ),
        gateway.ConverseRequest(),
    ],
    ids=["typing", "a message", "an empty frame"],
)
async def test_a_stream_that_begins_without_setup_is_refused(
    desk: Desk, first: gateway.ConverseRequest
) -> None:
    before = await stored(desk)
    async with connected(desk, "demo") as (stub, metadata):
        call = stub.Converse(timeout=TIMEOUT_S, metadata=metadata)
        await call.write(first)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await frame(call)
    failure = errors.from_rpc(caught.value)
    assert (failure.status, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_PROTOCOL")
    assert await stored(desk) == before


async def test_a_request_id_used_again_for_another_text_is_refused(desk: Desk) -> None:
    message = replace(GOOD, request_id=f"req-{secrets.token_hex(4)}")
    async with connected(desk, "demo") as (stub, metadata):
        await stub.SubmitMessage(message.request(gateway.SubmitMessageRequest), metadata=metadata)
        before = await stored(desk)
        other = replace(message, text="Something else")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SubmitMessage(other.request(gateway.SubmitMessageRequest), metadata=metadata)
    failure = errors.from_rpc(caught.value)
    assert (failure.status, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert await stored(desk) == before


async def test_a_call_without_a_token_is_refused(desk: Desk) -> None:
    async with connected(desk, "demo") as (stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SubmitMessage(GOOD.request(gateway.SubmitMessageRequest), timeout=TIMEOUT_S)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@asynccontextmanager
async def connected(desk: Desk, tenant: str) -> AsyncIterator[tuple[Any, channels.Metadata]]:
    """The raw stub, for the SDK would mend some of this, and a token of the tenant."""
    metadata = channels.metadata(desk.mesh.keys.tenant_token(tenant, roles=["admin"]))
    async with channels.channel(desk.mesh.target("turn_gateway"), None) as channel:
        yield gateway_grpc.TurnGatewayServiceStub(channel), metadata


@asynccontextmanager
async def conversing(desk: Desk, message: Message) -> AsyncIterator[Any]:
    """A stream that was opened with the message's address."""
    async with connected(desk, message.tenant) as (stub, metadata):
        call = stub.Converse(timeout=TIMEOUT_S, metadata=metadata)
        address = message.request(gateway.SubmitMessageRequest).address
        setup = gateway.ConverseSetup(address=address, tenant_id=message.body_tenant)
        await call.write(gateway.ConverseRequest(setup=setup))
        yield call
        call.cancel()


async def say(call: Any, message: Message) -> None:
    content = gateway.MessageContent(text=message.text)
    said = gateway.ConverseMessage(content=content, request_id=message.request_id)
    await call.write(gateway.ConverseRequest(message=said))


async def frame(call: Any) -> gateway.ConverseResponse:
    """The next frame that is not an event."""
    while True:
        answer: gateway.ConverseResponse = await call.read()
        if not isinstance(answer, gateway.ConverseResponse):
            raise AssertionError(f"the stream ended with {await call.code()}")
        if answer.WhichOneof("frame") not in {"event", "text_delta", "text_reset"}:
            return answer


async def stored(desk: Desk) -> dict[str, int]:
    """How much of the inbound side there is."""
    connection = await asyncpg.connect(desk.mesh.postgres_url)
    try:
        row = await connection.fetchrow(
            """
            SELECT (SELECT count(*) FROM turns.messages) AS messages,
                   (SELECT count(*) FROM turns.sessions) AS sessions,
                   (SELECT count(*) FROM turns.channel_identities) AS identities
            """
        )
        return dict(row or {})
    finally:
        await connection.close()
