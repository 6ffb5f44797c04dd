"""A gateway over real gRPC, PostgreSQL and Valkey, with scripted peers."""

from __future__ import annotations

import asyncio

import grpc.aio
import pytest

from focal.turn.v1 import event_pb2, message_pb2, turn_pb2
from focal.turn.v1 import session_service_pb2 as session_pb
from focal_kernel import errors as kernel_errors
from focal_service_kit import errors as wire
from tests.fakes import gateway_calls as calls
from tests.fakes.gateway_calls import converse, refused, say, send
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


async def test_a_message_is_answered(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        answer = await stub.SendMessage(send("hello"), timeout=10)
        assert [segment.text for segment in answer.turn.reply] == ["hello"]
        assert answer.turn.status == turn_pb2.TURN_STATUS_COMPLETE
        assert answer.turn.turn_index == 1
        sessions = calls.sessions(gateway)
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
        stub = calls.stub(gateway)
        first = await stub.SubmitMessage(calls.submit("hi"), timeout=10)
        second = await stub.SendMessage(send("order 10001"), timeout=10)
        assert [segment.text for segment in second.turn.reply] == ["hi+order 10001"]
        assert list(second.turn.message_ids) == [first.message_id, second.message_id]
        assert len(peers.starts) == 1


async def test_a_repeat_with_its_request_id_gets_the_stored_answer(database: str, redis_url: str) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
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
        stub = calls.stub(gateway)
        first = asyncio.ensure_future(stub.SendMessage(send("to Rome"), timeout=10))
        await until(lambda: peers.starts, "the turn runs")
        second = await stub.SendMessage(send("no, to Paris"), timeout=10)
        assert second.turn.reply[0].text == "to Rome+no, to Paris"
        assert (await first).turn.turn_id == second.turn.turn_id
        sessions = calls.sessions(gateway)
        listed = (await sessions.ListTurns(session_pb.ListTurnsRequest(session_id=second.session_id))).turns
        latest, superseded = listed
        assert superseded.status == turn_pb2.TURN_STATUS_SUPERSEDED
        assert superseded.superseded_by == latest.turn_id
        assert latest.superseded_from == superseded.turn_id
        assert latest.turn_group_id == superseded.turn_group_id
        assert [fence.epoch for fence in peers.fences] == [2]


@pytest.mark.parametrize("strategy", [event_pb2.ABSORB_STRATEGY_RESTART, event_pb2.ABSORB_STRATEGY_CONTINUE])
async def test_what_became_of_an_absorbed_message_shows_in_the_events(
    database: str, redis_url: str, strategy: event_pb2.AbsorbStrategy.ValueType
) -> None:
    """From the events alone a client can tell what became of the message, and it sees the text once."""

    shown_live = asyncio.Event()

    async def script(run: Run) -> None:
        await run.write("Which order?", 1)
        late = await run.pending()
        await run.decide(event_pb2.SUPERSEDE_ACTION_ABSORB, late, strategy)
        await run.write("Refunded.", 2)
        await shown_live.wait()  # live text of a turn that is over is not shown any more
        await run.answer("Refunded.", *late)

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stream = await converse(gateway)
        await stream.write(say("refund"))
        frames = await calls.read_until(stream, lambda frame: frame.text_delta.text == "Which order?")
        await stream.write(say("order 10003"))
        frames += await calls.read_until(stream, lambda frame: frame.text_delta.text == "Refunded.")
        shown_live.set()
        frames += await calls.read_until(stream, lambda frame: frame.event.HasField("turn_completed"))
        turn = frames[-1].event.turn_completed.turn
        first, second = (f.accepted.message_id for f in frames if f.WhichOneof("frame") == "accepted")
        assert list(turn.message_ids) == [first, second]
        assert dict(turn.dispositions) == {
            first: message_pb2.MESSAGE_DISPOSITION_JOINED,
            second: message_pb2.MESSAGE_DISPOSITION_ABSORBED,
        }
        decided = [f.event.supersede_decided for f in frames if f.event.HasField("supersede_decided")]
        assert [(list(d.message_ids), d.absorb_strategy, d.reason) for d in decided] == [
            ([second], strategy, "scripted")
        ]
        shown = ""
        for frame in frames:
            if frame.HasField("text_reset"):
                shown = ""
            shown += frame.text_delta.text
        restarted = strategy == event_pb2.ABSORB_STRATEGY_RESTART
        assert shown == ("Refunded." if restarted else "Which order?Refunded.")
        sessions = calls.sessions(gateway)
        listed = (await sessions.ListTurns(session_pb.ListTurnsRequest(session_id=turn.session_id))).turns
        assert [(t.turn_id, t.attempt, t.status) for t in listed] == [
            (turn.turn_id, 1, turn_pb2.TURN_STATUS_COMPLETE)
        ]
        assert listed[0].dispositions == turn.dispositions
        stream.cancel()


async def test_the_pipeline_is_told_what_the_channel_does_by_default(database: str, redis_url: str) -> None:
    peers = Peers()
    queues = {"channel_default": {"web": "QUEUE"}}
    async with gateways(peers, database, redis_url, supersede=queues) as [gateway]:
        await calls.stub(gateway).SendMessage(send("hello"), timeout=10)
    assert peers.starts[0].supersede_default == event_pb2.SUPERSEDE_ACTION_QUEUE


async def test_a_message_during_processing_can_be_queued(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        if run.texts == ["refund"]:
            await run.decide(event_pb2.SUPERSEDE_ACTION_QUEUE, await run.pending())
        await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        first = asyncio.ensure_future(stub.SendMessage(send("refund"), timeout=10))
        await until(lambda: peers.starts, "the turn runs")
        second = await stub.SendMessage(send("and thanks"), timeout=10)
        assert (await first).turn.reply[0].text == "refund"
        assert second.turn.reply[0].text == "and thanks"
        assert second.turn.turn_group_id != (await first).turn.turn_group_id


async def test_a_conversation_over_one_stream(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        for number, word in enumerate(("good ", "day"), 1):
            await run.write(word, number)
        await run.answer("good day")

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        call = await converse(gateway)
        assert (await call.read()).ready.session_id == ""
        await call.write(say("hello", "a"))
        await call.write(say(" ", "b"))
        await call.done_writing()
        frames = [frame async for frame in calls.frames(call)]
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
        stub = calls.stub(gateway)
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
        stub = calls.stub(gateway)
        failed = await stub.SendMessage(send("poison"), timeout=10)
        assert failed.turn.status == turn_pb2.TURN_STATUS_FAILED
        assert failed.turn.reply[0].text == "sorry"
        assert (await stub.SendMessage(send("hello"), timeout=10)).turn.reply[0].text == "hello"


@pytest.mark.parametrize(
    ("policy", "text", "code"),
    [("FALLBACK", "not now", ""), ("ESCALATE", "a person will look", '{"code":"ESCALATED"}')],
)
async def test_a_failed_turn_answers_as_the_policy_for_its_failure_says(
    database: str, redis_url: str, policy: str, text: str, code: str
) -> None:
    async def broken(run: Run) -> None:
        raise kernel_errors.InvalidArgument("INVALID_FIELD", "the brain broke")

    errors = {
        "brain": policy,
        "target": "user_error",
        "fallback_reply": "not now",
        "escalated_reply": "a person will look",
    }
    async with gateways(Peers(broken), database, redis_url, errors=errors) as [gateway]:
        failed = (await calls.stub(gateway).SendMessage(send("hello"), timeout=10)).turn
    assert failed.status == turn_pb2.TURN_STATUS_FAILED
    assert [(segment.text, segment.structured_json) for segment in failed.reply] == [(text, code)]


async def test_two_gateways_keep_the_order_of_one_session(database: str, redis_url: str) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url, count=2, queue={"max_waiting": 30}) as both:
        stubs = [calls.stub(gateway) for gateway in both]
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
        stub = calls.stub(gateway)
        answer = await stub.SendMessage(send("hello"), timeout=10)
        await until(lambda: len(peers.episodes) == 2, "memory has both sides")
        assert set(peers.episodes) == {answer.message_id, f"{answer.turn.turn_id}-reply"}


async def test_a_caller_whose_deadline_passes_learns_the_message_id_and_fetches_the_reply_later(
    database: str, redis_url: str
) -> None:
    go = asyncio.Event()

    async def script(run: Run) -> None:
        await go.wait()
        await run.answer()

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        status, error = await refused(stub.SendMessage(send("hello", "r1"), timeout=0.6))
        assert (status, error.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
        go.set()
        answer = await stub.SendMessage(send("hello", "r1"), timeout=10)
        assert answer.message_id == error.metadata["message_id"]
        assert (answer.duplicate, answer.turn.reply[0].text) == (True, "hello")


async def test_the_same_request_at_two_gateways_at_once_is_one_message(database: str, redis_url: str) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url, count=2) as both:
        answers = await asyncio.gather(
            *(calls.stub(both[n % 2]).SendMessage(send("refund", "r1"), timeout=10) for n in range(6))
        )
        assert len({answer.message_id for answer in answers}) == 1
        assert len({answer.turn.turn_id for answer in answers}) == 1
        assert [answer.duplicate for answer in answers].count(False) == 1
        assert len(peers.starts) == 1


async def test_a_message_during_processing_can_be_absorbed(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        absorbed = await run.pending()
        await run.decide(event_pb2.SUPERSEDE_ACTION_ABSORB, absorbed)
        await run.answer("both", *absorbed)

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        first = asyncio.ensure_future(stub.SendMessage(send("refund"), timeout=10))
        await until(lambda: peers.starts, "the turn runs")
        second = await stub.SendMessage(send("order 10001"), timeout=10)
        assert (await first).turn.turn_id == second.turn.turn_id
        await until(lambda: len(peers.episodes) == 3, "memory has all that was said")
        assert peers.episodes[second.message_id].content == "order 10001"


async def test_a_queue_decision_is_an_event_that_names_its_messages(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        if run.texts == ["refund"]:
            await run.decide(event_pb2.SUPERSEDE_ACTION_QUEUE, await run.pending())
        await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        call = await converse(gateway)
        await call.write(say("refund"))
        await until(lambda: peers.starts, "the turn runs")
        await call.write(say("thanks"))
        read = await calls.read_until(call, calls.completed)
        read += await calls.read_until(call, calls.completed)
        queued = [frame.accepted.message_id for frame in read if frame.HasField("accepted")][1]
        [decided] = [
            event.supersede_decided for event in calls.events(read) if event.HasField("supersede_decided")
        ]
        assert (decided.action, list(decided.message_ids)) == (event_pb2.SUPERSEDE_ACTION_QUEUE, [queued])
        assert peers.starts[1].messages[0].disposition == message_pb2.MESSAGE_DISPOSITION_QUEUED
        call.cancel()


async def test_what_an_attempt_left_is_handed_to_the_next_one(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        await run.report(f'{{"attempt":{run.start.attempt}}}')
        if run.start.attempt == 1:
            await run.offer("tool_plan", '{"calls":[]}')
            raise RuntimeError("the brain broke")
        await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        answer = await calls.stub(gateway).SendMessage(send("hello"), timeout=10)
        assert [(one.name, one.data_json) for one in peers.starts[1].artifacts] == [
            ("tool_plan", '{"calls":[]}')
        ]
        call = await converse(gateway, after_offset=0)
        reported = [
            event.agent.payload_json
            for event in calls.events(await calls.read_until(call, calls.completed))
            if event.HasField("agent")
        ]
        assert reported[-1] == '{"attempt":2}'
        assert answer.turn.attempt == 2
        call.cancel()


async def test_a_pipeline_that_answers_nothing_fails_the_turn_instead_of_replying_for_ever(
    database: str, redis_url: str
) -> None:
    async def script(run: Run) -> None:
        del run.start.messages[:]
        await run.answer("hello?")

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        answer = await calls.stub(gateway).SendMessage(send("hello"), timeout=10)
        assert answer.turn.status == turn_pb2.TURN_STATUS_FAILED
        assert len(peers.starts) == 1


async def test_messages_that_pour_in_while_a_turn_ends_are_all_answered_in_order(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url, count=2, queue={"max_waiting": 40}) as both:
        sent = [
            await calls.stub(both[number % 2]).SubmitMessage(calls.submit(str(number)), timeout=10)
            for number in range(40)
        ]
        last = await calls.stub(both[0]).SendMessage(send("last"), timeout=20)
        listed = await calls.sessions(both[0]).ListTurns(
            session_pb.ListTurnsRequest(session_id=last.session_id, page_size=100)
        )
        turns = sorted(listed.turns, key=lambda turn: turn.turn_index)
        answered = [message_id for turn in turns for message_id in turn.message_ids]
        assert answered == [one.message_id for one in sent] + [last.message_id]
