import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf import duration_pb2

from focal.turn.v1 import event_pb2
from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal_client import (
    CallFailed,
    Conversation,
    ConversationClosed,
    Event,
    FocalClient,
    Question,
    Reply,
    TextDelta,
    Token,
    question,
)
from tests.fakes import gateway_server
from tests.fakes.gateway_server import FakeGateway, FakeStream, completed


def chat_with(client: FocalClient) -> Conversation:
    return client.conversation("returns_desk", "web", "ada")


@asynccontextmanager
async def client_of(fake: FakeGateway, token: Token = "t") -> AsyncIterator[FocalClient]:
    async with gateway_server.serving(fake) as target, FocalClient.connect(target, token=token) as client:
        yield client


@asynccontextmanager
async def chatting(streams: list[gateway_server.Stream]) -> AsyncIterator[Conversation]:
    async with client_of(FakeGateway(streams)) as client, chat_with(client) as chat:
        yield chat


async def test_text_arrives_live_and_then_as_the_reply() -> None:
    async def script(stream: FakeStream) -> None:
        await stream.open()
        await stream.accept()
        await stream.send(text_delta=gateway.TextDelta(turn_id="trn_1", attempt=1, text="Hel"))
        await stream.send(event=completed(1, "Hello", "msg_1"))
        await stream.until_closed()

    async with chatting([script]) as chat:
        accepted = await chat.say("Hi")
        frames = aiter(chat)
        assert await anext(frames) == TextDelta("trn_1", 1, "Hel")
        reply = await anext(frames)
    assert accepted.message_id == "msg_1"
    assert isinstance(reply, Reply)
    assert reply.text == "Hello"


async def test_a_fresh_token_and_the_address_open_every_stream() -> None:
    setups: list[gateway.ConverseSetup] = []

    async def script(stream: FakeStream) -> None:
        setups.append(await stream.open())

    tokens = iter(["first", "second", "third"])
    fake = FakeGateway([script, script, stay_open])
    async with client_of(fake, lambda: next(tokens)) as client, chat_with(client) as chat:
        await chat.say("after two streams ended")
    assert fake.tokens == ["Bearer first", "Bearer second", "Bearer third"]
    assert setups[0].address.agent_id == "returns_desk"


async def stay_open(stream: FakeStream) -> None:
    await stream.open()
    await stream.accept()
    await stream.until_closed()


@pytest.mark.parametrize("ending", ["go_away", "unavailable", "end"])
async def test_a_stream_that_ends_is_resumed_after_the_last_event_seen(ending: str) -> None:
    resumed: list[gateway.ConverseSetup] = []

    async def first(stream: FakeStream) -> None:
        await stream.open()
        await stream.send(event=completed(7, "one"))
        if ending == "go_away":
            await stream.send(go_away=gateway.GoAway(resume_offset=7))
            await stream.until_closed()
        elif ending == "unavailable":
            await stream.context.abort(grpc.StatusCode.UNAVAILABLE, "going down")

    async def second(stream: FakeStream) -> None:
        resumed.append(await stream.open(offset=7))
        await stream.send(event=completed(7, "one"))
        await stream.send(event=completed(8, "two"))
        await stream.until_closed()

    async with chatting([first, second]) as chat:
        frames = aiter(chat)
        replies = [await anext(frames), await anext(frames)]
    assert [reply.text for reply in replies if isinstance(reply, Reply)] == ["one", "two"]
    assert resumed[0].after_offset == 7


async def test_a_conversation_goes_on_in_the_session_that_opens_after_an_end() -> None:
    resumed: list[gateway.ConverseSetup] = []

    async def first(stream: FakeStream) -> None:
        await stream.open(offset=40)
        await stream.send(event=completed(41, "good bye"))
        await stream.send(event=completed(2, "hello", session_id="ses_2"))
        await stream.accept(session_id="ses_2")
        await stream.send(event=completed(42, "late"))
        await stream.send(go_away=gateway.GoAway(resume_offset=2))
        await stream.until_closed()

    async def second(stream: FakeStream) -> None:
        resumed.append((await stream.frame()).setup)
        await stream.send(ready=gateway.ConverseReady(session_id="ses_2", offset=2))
        await stream.send(event=completed(2, "hello", session_id="ses_2"))
        await stream.send(event=completed(3, "bye", session_id="ses_2"))
        await stream.until_closed()

    async with chatting([first, second]) as chat:
        await chat.say("hello")
        frames = aiter(chat)
        replies = [await anext(frames) for _ in range(4)]
        assert chat.session_id == "ses_2"
    texts = [reply.text for reply in replies if isinstance(reply, Reply)]
    assert texts == ["good bye", "hello", "late", "bye"]
    assert (resumed[0].session_id, resumed[0].after_offset) == ("ses_2", 2)


async def test_a_message_without_acknowledgement_is_repeated_with_its_request_id() -> None:
    lost: list[gateway.ConverseMessage] = []
    repeated: list[gateway.ConverseMessage] = []

    async def first(stream: FakeStream) -> None:
        await stream.open()
        lost.append((await stream.frame()).message)
        await stream.context.abort(grpc.StatusCode.UNAVAILABLE, "killed before it answered")

    async def second(stream: FakeStream) -> None:
        await stream.open()
        repeated.append(await stream.accept())
        await stream.until_closed()

    async with chatting([first, second]) as chat:
        await chat.say("refund me")
    assert lost == repeated


async def test_an_answer_without_acknowledgement_is_repeated_with_its_request_id() -> None:
    frames: list[gateway.ConverseConfirm] = []

    async def first(stream: FakeStream) -> None:
        await stream.open()
        frames.append((await stream.frame()).confirm)
        await stream.context.abort(grpc.StatusCode.UNAVAILABLE, "killed before it answered")

    async def second(stream: FakeStream) -> None:
        await stream.open()
        frames.append((await stream.frame()).confirm)
        asked = frames[-1]
        confirmed = gateway.AnswerConfirmed(
            request_id=asked.request_id, confirmation_id=asked.confirmation_id, turn_id="trn_2"
        )
        await stream.send(confirmed=confirmed)
        await stream.until_closed()

    async with chatting([first, second]) as chat:
        answered = await chat.confirm("cnf_1", accepted=True)
    assert frames[0] == frames[1]
    assert (frames[0].confirmation_id, frames[0].accepted) == ("cnf_1", True)
    assert answered.turn_id == "trn_2"


def test_a_question_is_read_out_of_its_event() -> None:
    payload = {"confirmation_id": "cnf_1", "tool": "pay", "prompt": "Sure?", "approver": "customer"}
    agent = event_pb2.AgentEvent(payload_json=json.dumps(payload))
    event = event_pb2.FabricEvent(offset=3, name="tool.confirmation.requested", agent=agent)
    assert question(Event(3, "agent", event)) == Question("cnf_1", "pay", "Sure?", "customer", "")
    other = event_pb2.FabricEvent(offset=3, name="tool.finished", agent=agent)
    assert question(Event(3, "agent", other)) is None


async def test_one_request_id_said_twice_at_once_is_acknowledged_twice() -> None:
    async def script(stream: FakeStream) -> None:
        await stream.open()
        await stream.accept()
        await stream.accept()
        await stream.until_closed()

    async with chatting([script]) as chat:
        twice = [chat.say("yes", request_id="req_1") for _ in range(2)]
        acknowledged = await asyncio.gather(*twice)
    assert [each.message_id for each in acknowledged] == ["msg_1", "msg_1"]


async def test_a_refused_message_fails_alone() -> None:
    async def script(stream: FakeStream) -> None:
        await stream.open()
        request_id = (await stream.frame()).message.request_id
        await stream.send(
            rejected=gateway.MessageRejected(
                request_id=request_id,
                reason="RATE_LIMITED",
                message="slow down",
                retry_after=duration_pb2.Duration(seconds=2),
            )
        )
        await stream.accept()
        await stream.until_closed()

    async with chatting([script]) as chat:
        with pytest.raises(CallFailed) as refusal:
            await chat.say("again")
        assert (refusal.value.reason, refusal.value.retry_after_s) == ("RATE_LIMITED", 2)
        await chat.say("and again")


async def test_a_refused_conversation_tells_status_and_reason() -> None:
    async def script(stream: FakeStream) -> None:
        await gateway_server.refuse(stream.context, grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")

    async with client_of(FakeGateway([script])) as client:
        with pytest.raises(CallFailed) as refusal:
            await chat_with(client).__aenter__()
    assert refusal.value.status is grpc.StatusCode.NOT_FOUND
    assert refusal.value.reason == "AGENT_NOT_FOUND"


async def test_a_conversation_that_fails_for_good_tells_whoever_waits() -> None:
    async def script(stream: FakeStream) -> None:
        await stream.open()
        await stream.frame()
        await gateway_server.refuse(stream.context, grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")

    async with chatting([script]) as chat:
        with pytest.raises(CallFailed, match="TOKEN_EXPIRED"):
            await chat.say("hello")
        with pytest.raises(CallFailed, match="TOKEN_EXPIRED"):
            await anext(aiter(chat))
        with pytest.raises(CallFailed, match="TOKEN_EXPIRED"):
            await chat.say("hello again")


async def test_after_its_end_a_conversation_takes_nothing_and_yields_nothing() -> None:
    async with client_of(FakeGateway([stay_open])) as client:
        async with chat_with(client) as chat:
            pass
        with pytest.raises(ConversationClosed):
            await chat.say("too late")
        assert [frame async for frame in chat] == []


async def test_ask_returns_the_reply_that_answers_the_question() -> None:
    async def script(stream: FakeStream) -> None:
        await stream.open()
        await stream.send(event=completed(1, "to an earlier message", "msg_0"))
        await stream.accept("msg_1")
        await stream.send(event=completed(2, "to yours", "msg_1"))
        await stream.until_closed()

    async with chatting([script]) as chat:
        reply = await chat.ask("Where is it?")
    assert reply.text == "to yours"
