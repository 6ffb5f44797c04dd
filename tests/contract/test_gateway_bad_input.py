"""What a gateway refuses, with which status and reason, and that nothing of it is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import grpc
import pytest

from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from tests.fakes import in_process
from tests.fakes.gateway_calls import converse, refused, say, send, session_of, sessions, setup, stub, submit
from tests.fakes.gateway_peers import Peers, gateways

pytestmark = pytest.mark.migrated("focal_turn_gateway")

INVALID = grpc.StatusCode.INVALID_ARGUMENT
_STORED = ("sessions", "messages", "events", "turns", "channel_identities", "outbox")


@dataclass
class Place:
    gateway: in_process.Running
    database: str

    async def stored(self) -> dict[str, int]:
        """Rows by table, empty tables left out."""
        connection = await asyncpg.connect(self.database)
        try:
            counts = {
                table: await connection.fetchval(f"SELECT count(*) FROM turns.{table}") for table in _STORED
            }
        finally:
            await connection.close()
        return {table: count for table, count in counts.items() if count}


@pytest.fixture
async def place(database: str, redis_url: str) -> AsyncIterator[Place]:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        yield Place(gateway, database)


def message(
    text: str = "hello",
    *,
    agent: str = "desk",
    channel: str = "web",
    user: str = "+4930",
    metadata: dict[str, str] | None = None,
    **fields: str,
) -> pb.SubmitMessageRequest:
    content = pb.MessageContent(
        text=text, metadata=metadata, provider_message_id=fields.pop("provider_message_id", "")
    )
    address = pb.Address(agent_id=agent, channel=channel, channel_user_id=user)
    return pb.SubmitMessageRequest(address=address, content=content, **fields)


BAD_MESSAGES = {
    "no text": (message(""), "EMPTY_TEXT", "content.text"),
    "white space": (message(" \n\t\u00a0\u3000"), "EMPTY_TEXT", "content.text"),
    "zero width": (message("\u200b\u200d\ufeff\u2060"), "EMPTY_TEXT", "content.text"),
    "blank letter": (message("\u3164"), "EMPTY_TEXT", "content.text"),
    "one character too many": (message("x" * 10_001), "TEXT_TOO_LONG", "content.text"),
    "a megabyte": (message("x" * 1_048_576), "TEXT_TOO_LONG", "content.text"),
    "NUL": (message("a\x00b"), "INVALID_FIELD", "content.text"),
    "agent with colon": (message(agent="a:b"), "INVALID_ID", "address.agent_id"),
    "no agent": (message(agent=""), "INVALID_ID", "address.agent_id"),
    "agent with new line": (message(agent="desk\n"), "INVALID_ID", "address.agent_id"),
    "no user": (message(user=""), "INVALID_ID", "address.channel_user_id"),
    "user with escape": (message(user="a\x1b[2J"), "INVALID_ID", "address.channel_user_id"),
    "user too long": (message(user="\u00e9" * 129), "INVALID_ID", "address.channel_user_id"),
    "channel": (message(channel="pigeon"), "UNKNOWN_CHANNEL", "address.channel"),
    "no channel": (message(channel=""), "UNKNOWN_CHANNEL", "address.channel"),
    "too much metadata": (
        message(metadata={str(n): "x" for n in range(33)}),
        "INVALID_FIELD",
        "content.metadata",
    ),
    "metadata too long": (message(metadata={"k": "x" * 256}), "INVALID_FIELD", "content.metadata"),
    "request id with control": (message(request_id="a\n"), "INVALID_ID", "request_id"),
    "request id too long": (message(request_id="r" * 257), "INVALID_ID", "request_id"),
    "provider id too long": (
        message(provider_message_id="p" * 257),
        "INVALID_ID",
        "content.provider_message_id",
    ),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
async def test_a_bad_message_is_refused_with_its_reason_and_nothing_is_stored(
    place: Place, name: str
) -> None:
    request, reason, field = BAD_MESSAGES[name]
    status, error = await refused(stub(place.gateway).SubmitMessage(request, timeout=10))
    assert (status, error.reason) == (INVALID, reason)
    assert [violation.field for violation in error.violations] == [field]
    assert len(error.message) < 400
    assert await place.stored() == {}


async def test_sending_and_submitting_refuse_the_same(place: Place) -> None:
    status, error = await refused(stub(place.gateway).SendMessage(send(" "), timeout=10))
    assert (status, error.reason) == (INVALID, "EMPTY_TEXT")


async def test_a_request_over_the_transports_limit_is_refused(place: Place) -> None:
    status, _ = await refused(stub(place.gateway).SubmitMessage(message("x" * 5_242_880), timeout=10))
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await place.stored() == {}


async def test_the_longest_text_and_the_oddest_names_are_taken(place: Place) -> None:
    text = "\U0001f469\u200d\U0001f467" + "x" * 9_997
    odd = message(text, user="ada:lovelace <ada@example.org>", channel="webchat", request_id="a:b {c}")
    answer = await stub(place.gateway).SubmitMessage(odd, timeout=10)
    assert (await session_of(place.gateway, answer.session_id)).channel == "web"


async def test_an_unknown_agent_is_not_found_and_nothing_is_stored(place: Place) -> None:
    status, error = await refused(stub(place.gateway).SubmitMessage(message(agent="nobody"), timeout=10))
    assert (status, error.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")
    assert await place.stored() == {}


async def test_an_unknown_tenant_is_not_found_and_nothing_is_stored(place: Place) -> None:
    stranger = place.gateway.deployment.tenant_token("stranger")
    status, error = await refused(stub(place.gateway, stranger).SubmitMessage(message(), timeout=10))
    assert (status, error.reason) == (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")
    assert await place.stored() == {}


async def test_another_tenant_in_the_body_is_denied(place: Place) -> None:
    gateway = stub(place.gateway)
    calls = [
        gateway.SubmitMessage(message(tenant_id="umbrella"), timeout=10),
        gateway.SendMessage(pb.SendMessageRequest(tenant_id="umbrella"), timeout=10),
        await converse(place.gateway, tenant_id="umbrella"),
    ]
    for call in calls:
        status, error = await refused(call)
        assert (status, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "TENANT_MISMATCH")
    assert await place.stored() == {}


async def test_a_caller_without_a_token_is_refused(place: Place) -> None:
    async with grpc.aio.insecure_channel(place.gateway.target) as channel:
        status, error = await refused(
            api.TurnGatewayServiceStub(channel).SubmitMessage(message(), timeout=10)
        )
    assert (status, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "AUTHENTICATION_REQUIRED")


async def test_what_belongs_to_another_tenant_is_not_found(place: Place) -> None:
    mine = await stub(place.gateway).SendMessage(send("hello"), timeout=10)
    other = place.gateway.deployment.tenant_token("umbrella")
    session, turn = mine.session_id, mine.turn.turn_id
    looks = [
        (
            sessions(place.gateway, other).GetSession(session_pb.GetSessionRequest(session_id=session)),
            "SESSION",
        ),
        (
            sessions(place.gateway, other).ListTurns(session_pb.ListTurnsRequest(session_id=session)),
            "SESSION",
        ),
        (sessions(place.gateway, other).GetTurn(session_pb.GetTurnRequest(turn_id=turn)), "TURN"),
        (stub(place.gateway, other).WatchSession(pb.WatchSessionRequest(session_id=session)), "SESSION"),
    ]
    for look, what in looks:
        status, error = await refused(look)
        assert (status, error.reason) == (grpc.StatusCode.NOT_FOUND, f"{what}_NOT_FOUND")
    listed = await sessions(place.gateway, other).ListSessions(session_pb.ListSessionsRequest())
    assert not listed.sessions


async def test_the_same_request_id_of_another_tenant_is_another_message(place: Place) -> None:
    mine = await stub(place.gateway).SendMessage(send("hello", "r1"), timeout=10)
    other = place.gateway.deployment.tenant_token("umbrella")
    theirs = await stub(place.gateway, other).SendMessage(send("something else", "r1"), timeout=10)
    assert (theirs.duplicate, theirs.message_id != mine.message_id) == (False, True)


LOOKS: dict[str, Any] = {
    "token of nobody": session_pb.ListSessionsRequest(page_token="nonsense"),
    "negative size": session_pb.ListSessionsRequest(page_size=-1),
    "NUL in a filter": session_pb.ListSessionsRequest(customer_id="a\x00"),
    "unknown channel": session_pb.ListSessionsRequest(channel="pigeon"),
}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("token of nobody", "INVALID_PAGE_TOKEN"),
        ("negative size", "INVALID_FIELD"),
        ("NUL in a filter", "INVALID_ID"),
        ("unknown channel", "UNKNOWN_CHANNEL"),
    ],
)
async def test_a_bad_list_request_is_refused(place: Place, name: str, reason: str) -> None:
    status, error = await refused(sessions(place.gateway).ListSessions(LOOKS[name], timeout=10))
    assert (status, error.reason) == (INVALID, reason)


async def test_a_page_token_is_good_for_its_own_list_only(place: Place) -> None:
    for user in "abc":
        await stub(place.gateway).SubmitMessage(submit("hi", user=user), timeout=10)
    looking = sessions(place.gateway)
    page = await looking.ListSessions(session_pb.ListSessionsRequest(page_size=2))
    rest = await looking.ListSessions(
        session_pb.ListSessionsRequest(page_size=2, page_token=page.next_page_token)
    )
    assert (len(page.sessions), len(rest.sessions), rest.next_page_token) == (2, 1, "")
    other = session_pb.ListSessionsRequest(page_token=page.next_page_token, agent_id="desk")
    status, error = await refused(looking.ListSessions(other))
    assert (status, error.reason) == (INVALID, "INVALID_PAGE_TOKEN")


async def test_ids_of_ours_are_checked_where_they_are_asked_for(place: Place) -> None:
    for call in (
        sessions(place.gateway).GetSession(session_pb.GetSessionRequest(session_id="a:b")),
        sessions(place.gateway).GetTurn(session_pb.GetTurnRequest(turn_id="")),
        stub(place.gateway).WatchSession(pb.WatchSessionRequest(session_id="a\x00")),
    ):
        status, error = await refused(call)
        assert (status, error.reason) == (INVALID, "INVALID_ID")


async def test_an_offset_before_the_beginning_is_refused(place: Place) -> None:
    answer = await stub(place.gateway).SubmitMessage(submit("hello"), timeout=10)
    watch = pb.WatchSessionRequest(session_id=answer.session_id, after_offset=-1)
    for call in (stub(place.gateway).WatchSession(watch), await converse(place.gateway, after_offset=-1)):
        status, error = await refused(call)
        assert (status, error.reason) == (INVALID, "INVALID_FIELD")


async def test_a_stream_begins_with_its_setup(place: Place) -> None:
    call = stub(place.gateway).Converse(timeout=10)
    await call.write(say("hello"))
    status, error = await refused(call)
    assert (status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_PROTOCOL")
    assert await place.stored() == {}


async def test_a_stream_that_says_nothing_is_refused_when_it_closes(place: Place) -> None:
    call = stub(place.gateway).Converse(timeout=10)
    await call.done_writing()
    status, error = await refused(call)
    assert (status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_PROTOCOL")


async def test_a_setup_comes_once(place: Place) -> None:
    call = await converse(place.gateway)
    await call.write(setup())
    status, error = await refused(call)
    assert (status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_PROTOCOL")


@pytest.mark.parametrize(
    ("address", "status", "reason"),
    [
        (pb.Address(agent_id="nobody", channel="web", channel_user_id="u"), "NOT_FOUND", "AGENT_NOT_FOUND"),
        (pb.Address(agent_id="a:b", channel="web", channel_user_id="u"), "INVALID_ARGUMENT", "INVALID_ID"),
        (
            pb.Address(agent_id="desk", channel="x", channel_user_id="u"),
            "INVALID_ARGUMENT",
            "UNKNOWN_CHANNEL",
        ),
    ],
)
async def test_a_stream_to_a_bad_address_is_refused(
    place: Place, address: pb.Address, status: str, reason: str
) -> None:
    call = stub(place.gateway).Converse(timeout=10)
    await call.write(pb.ConverseRequest(setup=pb.ConverseSetup(address=address)))
    code, error = await refused(call)
    assert (code.name, error.reason) == (status, reason)


async def test_a_bad_message_within_a_stream_is_rejected_and_the_stream_goes_on(place: Place) -> None:
    call = await converse(place.gateway)
    await call.read()
    for number, text in enumerate(("", "x" * 10_001, "a\x00")):
        await call.write(say(text, f"r{number}"))
    rejected = [(await call.read()).rejected for _ in range(3)]
    assert [(one.request_id, one.reason) for one in rejected] == [
        ("r0", "EMPTY_TEXT"),
        ("r1", "TEXT_TOO_LONG"),
        ("r2", "INVALID_FIELD"),
    ]
    assert not any(one.HasField("retry_after") for one in rejected)
    assert await place.stored() == {}
    await call.write(say("hello", "r9"))
    assert (await call.read()).accepted.request_id == "r9"
    call.cancel()
