"""A gateway over real gRPC, PostgreSQL and Valkey, with scripted peers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc.aio
import pytest

from focal.turn.v1 import event_pb2, session_service_pb2_grpc, turn_pb2
from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_service_kit import errors as wire
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


def address(user: str = "+4930123") -> pb.Address:
    return pb.Address(agent_id="desk", channel="web", channel_user_id=user)


def send(text: str, request_id: str = "", user: str = "+4930123") -> pb.SendMessageRequest:
    return pb.SendMessageRequest(
        address=address(user), content=pb.MessageContent(text=text), request_id=request_id
    )


async def test_a_message_is_answered(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        stub = api.TurnGatewayServiceStub(gateway.channel())
        answer = await stub.SendMessage(send("hello"), timeout=10)
        assert [segment.text for segment in answer.turn.reply] == ["hello"]
        assert answer.turn.status == turn_pb2.TURN_STATUS_COMPLETE
        assert answer.turn.turn_index == 1
        sessions = session_service_pb2_grpc.SessionServiceStub(gateway.channel())
        session = (
            await sessions.GetSession(session_pb.GetSessionRequest(session_id=answer.session_id))
        ).session
        assert (session.config_version, session.turn_count, session.open_messages) == (7, 1, 0)
        assert session.state.turn_index == 1
        listed = await sessions.ListTurns(session_pb.ListTurnsRequest(session_id=answer.session_id))
        assert [turn.turn_id for turn in listed.turns] == [answer.turn.turn_id]


async def test_a_burst_within_the_window_becomes_one_turn(database: str, redis_url: str) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url, accumulation={"mode": "fixed", "fixed_ms": 1000}) as [
        gateway
    ]:
        stub = api.TurnGatewayServiceStub(gateway.channel())
        first = await stub.SubmitMessage(
            pb.SubmitMessageRequest(address=address(), content=pb.MessageContent(text="hi")), timeout=10
        )
        second = await stub.SendMessage(send("order 10001"), timeout=10)
        assert [segment.text for segment in second.turn.reply] == ["hi+order 10001"]
        assert list(second.turn.message_ids) == [first.message_id, second.message_id]
        assert len(peers.starts) == 1


async def test_a_repeat_with_its_request_id_gets_the_stored_answer(database: str, redis_url: str) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = api.TurnGatewayServiceStub(gateway.channel())
        first, second = await asyncio.gather(
            *(stub.SendMessage(send("refund", "r1"), timeout=10) for _ in range(2))
        )
        third = await stub.SendMessage(send("refund", "r1"), timeout=10)
        assert {first.message_id, second.message_id, third.message_id} == {first.message_id}
        assert sorted([first.duplicate, second.duplicate]) == [False, True]
        assert third.turn.reply == first.turn.reply
        assert len(peers.starts) == 1
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SendMessage(send("other", "r1"), timeout=10)
        assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
        assert wire.from_rpc(caught.value).reason == "REQUEST_ID_REUSED"


async def test_a_message_during_processing_can_supersede_the_turn(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        if len(run.texts) == 1:
            await run.decide(event_pb2.SUPERSEDE_ACTION_SUPERSEDE, await run.pending())
        else:
            await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = api.TurnGatewayServiceStub(gateway.channel())
        first = asyncio.ensure_future(stub.SendMessage(send("to Rome"), timeout=10))
        await until(lambda: peers.starts, "the turn runs")
        second = await stub.SendMessage(send("no, to Paris"), timeout=10)
        assert second.turn.reply[0].text == "to Rome+no, to Paris"
        assert (await first).turn.turn_id == second.turn.turn_id
        sessions = session_service_pb2_grpc.SessionServiceStub(gateway.channel())
        listed = (await sessions.ListTurns(session_pb.ListTurnsRequest(session_id=second.session_id))).turns
        latest, superseded = listed
        assert superseded.status == turn_pb2.TURN_STATUS_SUPERSEDED
        assert superseded.superseded_by == latest.turn_id
        assert latest.superseded_from == superseded.turn_id
        assert latest.turn_group_id == superseded.turn_group_id
        assert [fence.epoch for fence in peers.fences] == [2]


async def test_a_message_during_processing_can_be_queued(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        if run.texts == ["refund"]:
            await run.decide(event_pb2.SUPERSEDE_ACTION_QUEUE, await run.pending())
        await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = api.TurnGatewayServiceStub(gateway.channel())
        first = asyncio.ensure_future(stub.SendMessage(send("refund"), timeout=10))
        await until(lambda: peers.starts, "the turn runs")
        second = await stub.SendMessage(send("and thanks"), timeout=10)
        assert (await first).turn.reply[0].text == "refund"
        assert second.turn.reply[0].text == "and thanks"
        assert second.turn.turn_group_id != (await first).turn.turn_group_id


async def frames_of(
    call: grpc.aio.StreamStreamCall[pb.ConverseRequest, pb.ConverseResponse],
) -> AsyncIterator[pb.ConverseResponse]:
    while (frame := await call.read()) is not grpc.aio.EOF:
        yield frame


async def test_a_conversation_over_one_stream(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        from focal.pipeline.v1 import pipeline_service_pb2

        for number, word in enumerate(("good ", "day"), 1):
            text = pipeline_service_pb2.RunTurnText(sequence=number, text=word)
            await run.say(pipeline_service_pb2.RunTurnResponse(text=text))
        await run.answer("good day")

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        stub = api.TurnGatewayServiceStub(gateway.channel())
        call = stub.Converse(timeout=10)
        await call.write(pb.ConverseRequest(setup=pb.ConverseSetup(address=address())))
        assert (await call.read()).ready.session_id == ""
        content = pb.MessageContent(text="hello")
        await call.write(pb.ConverseRequest(message=pb.ConverseMessage(content=content, request_id="a")))
        empty = pb.MessageContent(text=" ")
        await call.write(pb.ConverseRequest(message=pb.ConverseMessage(content=empty, request_id="b")))
        await call.done_writing()
        frames = [frame async for frame in frames_of(call)]
        kinds = [frame.WhichOneof("frame") for frame in frames]
        assert kinds.count("accepted") == 1
        assert [frame.rejected.reason for frame in frames if frame.HasField("rejected")] == ["EMPTY_TEXT"]
        assert "".join(frame.text_delta.text for frame in frames) == "good day"
        events = [frame.event for frame in frames if frame.HasField("event")]
        assert [event.offset for event in events] == list(range(1, len(events) + 1))
        assert events[-1].turn_completed.turn.reply[0].text == "good day"
        assert await call.code() is grpc.StatusCode.OK


async def test_a_crashed_attempt_is_fenced_and_repeated(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        if run.start.attempt == 1:
            raise RuntimeError("the brain broke")
        await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = api.TurnGatewayServiceStub(gateway.channel())
        answer = await stub.SendMessage(send("hello"), timeout=10)
        assert answer.turn.attempt == 2
        assert [(fence.epoch, fence.turn_group_id) for fence in peers.fences] == [
            (2, answer.turn.turn_group_id)
        ]


async def test_a_poisoned_turn_fails_with_the_error_reply_and_the_session_goes_on(
    database: str, redis_url: str
) -> None:
    async def script(run: Run) -> None:
        if "poison" in run.texts:
            raise RuntimeError("the brain broke")
        await run.answer()

    turns = {"max_attempts": 2, "retry_min_s": 0.01, "error_reply": "sorry"}
    async with gateways(Peers(script), database, redis_url, turns=turns) as [gateway]:
        stub = api.TurnGatewayServiceStub(gateway.channel())
        failed = await stub.SendMessage(send("poison"), timeout=10)
        assert failed.turn.status == turn_pb2.TURN_STATUS_FAILED
        assert failed.turn.reply[0].text == "sorry"
        assert (await stub.SendMessage(send("hello"), timeout=10)).turn.reply[0].text == "hello"


async def test_two_gateways_keep_the_order_of_one_session(database: str, redis_url: str) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url, count=2) as both:
        stubs = [api.TurnGatewayServiceStub(gateway.channel()) for gateway in both]
        answers = await asyncio.gather(
            *(stubs[n % 2].SendMessage(send(f"m{n}"), timeout=20) for n in range(30))
        )
        turns = {answer.turn.turn_id: answer.turn for answer in answers}
        answered = [
            message
            for turn in sorted(turns.values(), key=lambda t: t.turn_index)
            for message in turn.message_ids
        ]
        assert len(answered) == len(set(answered)) == 30


async def test_memory_gets_each_committed_turn(database: str, redis_url: str) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = api.TurnGatewayServiceStub(gateway.channel())
        answer = await stub.SendMessage(send("hello"), timeout=10)
        await until(lambda: len(peers.episodes) == 2, "memory has both sides")
        assert set(peers.episodes) == {answer.message_id, f"{answer.turn.turn_id}-reply"}
