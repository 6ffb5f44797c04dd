"""Conversations and watchers over real gRPC: nothing missing, nothing twice, and an end that says why."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio
import pytest

from focal.turn.v1 import event_pb2, session_pb2, turn_pb2
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from tests.fakes import gateway_calls as calls
from tests.fakes import in_process
from tests.fakes.gateway_calls import (
    completed,
    converse,
    events,
    frames,
    read_until,
    say,
    send,
    session_of,
    stub,
    submit,
)
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.gateway_wire import wire
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


def watch(gateway: in_process.Running, session_id: str, after: int = 0, **fields: Any) -> Any:
    return stub(gateway).WatchSession(
        pb.WatchSessionRequest(session_id=session_id, after_offset=after, **fields), timeout=20
    )


async def typed(call: Any, *texts: str) -> None:
    for number, text in enumerate(texts):
        await call.write(say(text, f"{text}-{number}"))


def tasks_of_streams() -> list[str]:
    names = (task.get_name() for task in asyncio.all_tasks())
    return [name for name in names if name.startswith(("converse", "watch"))]


def gateway_hosts(gateway: in_process.Running) -> Any:
    """What is asked to leave when the process drains."""
    return gateway.host.drain_callbacks


async def drain(gateway: in_process.Running) -> None:
    await asyncio.gather(*(callback() for callback in gateway_hosts(gateway)))


async def test_a_watcher_sees_a_session_from_its_beginning_and_goes_on_live(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        first = await stub(gateway).SendMessage(send("one"), timeout=10)
        call = watch(gateway, first.session_id)
        past = await read_until(call, completed)
        await stub(gateway).SendMessage(send("two"), timeout=10)
        live = await read_until(call, completed)
        offsets = [event.offset for event in events(past) + events(live)]
        assert offsets == list(range(1, 9))
        call.cancel()


async def test_a_watcher_resumes_at_any_offset_without_gap_or_repeat(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url, count=2) as both:
        for number in range(3):
            answer = await stub(both[0]).SendMessage(send(str(number)), timeout=10)
        whole = events(await _read_to(watch(both[0], answer.session_id), 12))
        for after in (0, 1, 5, 11):
            call = watch(both[after % 2], answer.session_id, after)
            rest = events(await _read_to(call, 12))
            assert rest == whole[after:]


async def _read_to(call: Any, offset: int) -> list[Any]:
    read = await read_until(call, lambda frame: frame.event.offset == offset)
    call.cancel()
    return read


async def test_a_watcher_may_leave_live_text_out(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        await run.write("good ")
        await run.answer("good day")

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        answer = await stub(gateway).SendMessage(send("one"), timeout=10)
        last = (await session_of(gateway, answer.session_id)).last_offset
        kinds: list[set[str]] = []
        calls = [watch(gateway, answer.session_id, last, events_only=only) for only in (True, False)]
        await asyncio.sleep(0.1)
        await stub(gateway).SendMessage(send("two"), timeout=10)
        for call in calls:
            read = await read_until(call, completed)
            kinds.append({frame.WhichOneof("frame") for frame in read})
            call.cancel()
        assert kinds == [{"event"}, {"event", "text_delta"}]


async def test_text_and_events_reach_a_follower_on_another_gateway(database: str, redis_url: str) -> None:
    seen = asyncio.Event()

    async def script(run: Run) -> None:
        number = 0
        while not seen.is_set():
            number += 1
            await run.write("word ", number)
            await asyncio.sleep(0.02)
        await run.answer("good day")

    async with gateways(Peers(script), database, redis_url, count=2) as [here, there]:
        answer = await stub(here).SubmitMessage(submit("hello"), timeout=10)
        call = watch(there, answer.session_id)
        first = (await read_until(call, lambda frame: frame.HasField("text_delta")))[-1].text_delta
        assert (first.attempt, first.text) == (1, "word ")
        seen.set()
        await read_until(call, completed)
        call.cancel()


async def test_followers_need_no_valkey(database: str, redis_url: str) -> None:
    async with wire(redis_url) as cache, gateways(Peers(), database, cache.url, count=2) as [here, there]:
        first = await stub(here).SendMessage(send("one"), timeout=10)
        call = watch(there, first.session_id)
        await read_until(call, completed)
        await cache.cut()
        await stub(here).SendMessage(send("two"), timeout=10)
        lost = await read_until(call, completed)
        await cache.mend()
        await stub(here).SendMessage(send("three"), timeout=10)
        back = await read_until(call, completed)
        assert [event.offset for event in events(lost) + events(back)] == list(range(5, 13))
        assert not any(gateway.host.failed.is_set() for gateway in (here, there))
        call.cancel()


async def test_followers_ride_out_a_restart_of_the_database(database: str, redis_url: str) -> None:
    async with wire(database) as store, gateways(Peers(), store.url, redis_url) as [gateway]:
        first = await stub(gateway).SendMessage(send("one"), timeout=10)
        call = await converse(gateway, after_offset=0)
        watching = watch(gateway, first.session_id)
        await read_until(call, completed)
        await read_until(watching, completed)
        await store.cut()
        await asyncio.sleep(1.2)
        await store.mend()
        await until(lambda: _sent(gateway, "two", "r2"), "the database is back", timeout_s=10)
        for stream in (call, watching):
            read = await read_until(stream, completed)
            assert [event.offset for event in events(read)] == list(range(5, 5 + len(events(read))))
            stream.cancel()


async def _sent(gateway: in_process.Running, text: str, request_id: str) -> bool:
    try:
        await stub(gateway).SubmitMessage(submit(text, request_id), timeout=2)
    except grpc.aio.AioRpcError:
        return False
    return True


async def test_a_draining_gateway_sends_streams_away_with_the_place_to_go_on(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        answer = await stub(gateway).SendMessage(send("one"), timeout=10)
        calls = [watch(gateway, answer.session_id), await converse(gateway, after_offset=0)]
        for call in calls:
            await read_until(call, completed)
        draining = asyncio.ensure_future(drain(gateway))
        for call in calls:
            last = (await read_until(call, lambda frame: frame.HasField("go_away")))[-1]
            assert last.go_away.resume_offset == 4
            assert last.go_away.time_left.ToMilliseconds() == 200
            assert await call.read() is grpc.aio.EOF
            assert await call.code() is grpc.StatusCode.OK
        await draining
        late = watch(gateway, answer.session_id, 4)
        assert (await late.read()).go_away.resume_offset == 4


async def test_a_conversation_that_is_closed_ends_after_its_last_reply(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        await asyncio.sleep(0.2)
        await run.answer()

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        call = await converse(gateway)
        await typed(call, "one")
        await call.done_writing()
        read = [frame async for frame in frames(call)]
        assert completed(read[-1])
        assert await call.code() is grpc.StatusCode.OK


async def test_a_conversation_closed_without_a_word_brings_what_it_missed_and_ends(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        await stub(gateway).SendMessage(send("one"), timeout=10)
        call = await converse(gateway, after_offset=1)
        await call.done_writing()
        read = [frame async for frame in frames(call)]
        assert read[0].ready.offset == 1
        assert [event.offset for event in events(read)] == [2, 3, 4]


async def test_a_repeated_message_is_waited_for_like_a_new_one(database: str, redis_url: str) -> None:
    go = asyncio.Event()

    async def script(run: Run) -> None:
        await go.wait()
        await run.answer()

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        await stub(gateway).SubmitMessage(submit("one", "r1"), timeout=10)
        call = await converse(gateway)
        await call.write(say("one", "r1"))
        await call.done_writing()
        accepted = (await read_until(call, lambda frame: frame.HasField("accepted")))[-1].accepted
        assert accepted.duplicate
        go.set()
        assert completed([frame async for frame in frames(call)][-1])


async def test_a_message_repeated_after_its_reply_brings_the_reply_that_was_missed(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        await stub(gateway).SendMessage(send("one", "r1"), timeout=10)
        call = await converse(gateway, after_offset=0)
        await call.write(say("one", "r1"))
        await call.done_writing()
        read = [frame async for frame in frames(call)]
        assert [event.offset for event in events(read)] == [1, 2, 3, 4]
        seen = await converse(gateway, after_offset=4)
        await seen.write(say("one", "r1"))
        await seen.done_writing()
        assert [frame.WhichOneof("frame") async for frame in frames(seen)] == ["ready", "accepted"]


async def test_a_client_that_vanishes_leaves_nothing_running(database: str, redis_url: str) -> None:
    never = asyncio.Event()

    async def script(run: Run) -> None:
        await never.wait()

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        answer = await stub(gateway).SubmitMessage(submit("one"), timeout=10)
        calls = [watch(gateway, answer.session_id), await converse(gateway, after_offset=0)]
        for call in calls:
            await read_until(call, lambda frame: frame.event.HasField("turn_aggregated"))
        assert len(tasks_of_streams()) >= 3
        for call in calls:
            call.cancel()
        await until(lambda: not tasks_of_streams(), "all tasks of the streams are gone")


async def test_a_reader_that_does_not_read_holds_a_bounded_number_of_frames(
    database: str, redis_url: str
) -> None:
    """Text is dropped for it, events wait in the log, and others are not slowed down."""
    big = "x" * 20_000

    async def script(run: Run) -> None:
        for number in range(600):
            await run.write(big, number + 1)
        await run.answer("done")

    limits = {"stream_buffer": 4}
    async with gateways(Peers(script), database, redis_url, limits=limits) as [gateway]:
        call = await converse(gateway)
        await typed(call, "one")
        await read_until(call, lambda frame: frame.HasField("accepted"))
        other = await stub(gateway).SendMessage(send("two"), timeout=20)
        assert other.turn.reply[0].text == "done"
        read = await read_until(call, completed, timeout_s=20)
        assert len([frame for frame in read if frame.HasField("text_delta")]) < 600
        offsets = [event.offset for event in events(read)]
        assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
        call.cancel()


async def test_a_new_attempt_tells_the_client_to_drop_the_text_so_far(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        await run.write(f"attempt {run.start.attempt}")
        if run.start.attempt == 1:
            await asyncio.sleep(0.1)
            raise RuntimeError("the brain broke")
        await run.answer()

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        call = await converse(gateway)
        await typed(call, "one")
        read = await read_until(call, completed)
        kinds = [frame.WhichOneof("frame") for frame in read]
        assert kinds.index("text_reset") < len(kinds) - 1 - kinds[::-1].index("text_delta")
        reset = next(frame.text_reset for frame in read if frame.HasField("text_reset"))
        assert reset.attempt == 1
        call.cancel()


async def test_typing_keeps_the_window_open(database: str, redis_url: str) -> None:
    accumulation = {"mode": "fixed", "fixed_ms": 700, "typing_ms": 1500}
    peers = Peers()
    async with gateways(peers, database, redis_url, accumulation=accumulation) as [gateway]:
        call = await converse(gateway)
        await typed(call, "one")
        await call.write(pb.ConverseRequest(typing=pb.ConverseTyping(active=True)))
        await asyncio.sleep(1.0)
        assert peers.starts == []
        await typed(call, "two")
        done = (await read_until(call, completed))[-1].event
        assert isinstance(done, event_pb2.FabricEvent)
        assert done.turn_completed.turn.reply[0].text == "one+two"
        call.cancel()


async def test_a_window_falls_back_when_the_customer_stops_typing(database: str, redis_url: str) -> None:
    accumulation = {"mode": "fixed", "fixed_ms": 200, "typing_ms": 60_000, "max_wait_ms": 60_000}
    accumulation["typing_stopped_ms"] = 300
    async with gateways(Peers(), database, redis_url, accumulation=accumulation) as [gateway]:
        call = await converse(gateway)
        await typed(call, "one")
        for active in (True, False):
            await call.write(pb.ConverseRequest(typing=pb.ConverseTyping(active=active)))
        assert completed((await asyncio.wait_for(read_until(call, completed), 10))[-1])
        call.cancel()


async def test_the_answers_hint_lengthens_the_next_window_and_is_its_reason(
    database: str, redis_url: str
) -> None:
    async def script(run: Run) -> None:
        await run.answer(hint=session_pb2.AccumulationHint(awaiting_required_field=True))

    async with gateways(Peers(script), database, redis_url, accumulation={"mode": "adaptive"}) as [gateway]:
        stub = calls.stub(gateway)
        first = await stub.SendMessage(calls.send("I would like to return an order."), timeout=10)
        second = await stub.SendMessage(calls.send("10003 it is, and the shoes are blue"), timeout=10)
        assert first.turn.aggregation_reason == turn_pb2.AGGREGATION_REASON_ADAPTIVE
        assert second.turn.aggregation_reason == turn_pb2.AGGREGATION_REASON_PIPELINE_HINT


async def test_typing_without_an_open_window_changes_nothing(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        call = await converse(gateway)
        await call.write(pb.ConverseRequest(typing=pb.ConverseTyping(active=True)))
        await typed(call, "one")
        await call.write(pb.ConverseRequest(typing=pb.ConverseTyping(active=False)))
        assert completed((await read_until(call, completed))[-1])
        call.cancel()
