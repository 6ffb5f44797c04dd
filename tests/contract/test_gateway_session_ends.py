"""A session is ended, and what was acknowledged in it is answered all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from focal.turn.v1 import session_pb2, turn_pb2
from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from tests.fakes import gateway_calls as calls
from tests.fakes.gateway_calls import refused, say, send, submit
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.in_process import Running
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

ENDED = session_pb2.SESSION_STATUS_ENDED


async def end(gateway: Running, session_id: str, **fields: Any) -> session_pb2.Session:
    request = session_pb.EndSessionRequest(session_id=session_id, **fields)
    answer: session_pb.EndSessionResponse = await calls.sessions(gateway).EndSession(request, timeout=10)
    return answer.session


class Held:
    """A pipeline whose turns on "wait" end when `released`."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.peers = Peers(self.script)

    async def script(self, run: Run) -> None:
        if run.texts == ["wait"]:
            await self.released.wait()
        await run.answer()


async def test_a_message_after_the_end_opens_a_session_that_knows_nothing_of_the_old_one(
    database: str, redis_url: str
) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        old = (await stub.SendMessage(send("hello"), timeout=10)).session_id
        ended = await end(gateway, old, reason="solved")
        assert (ended.status, ended.ended_by, ended.end_reason) == (ENDED, "tester", "solved")
        assert ended.HasField("ended_at")
        new = await stub.SendMessage(send("hello again"), timeout=10)
        assert (new.session_id != old, new.turn.turn_index) == (True, 1)
        assert not peers.starts[-1].session.history
        assert await calls.session_of(gateway, old) == ended
        pinned = session_pb.ListPinnedVersionsRequest(agent_id="desk")
        [used] = (await calls.sessions(gateway).ListPinnedVersions(pinned, timeout=10)).versions
        assert (used.version, used.sessions) == (7, 1), "an ended session holds no version"


async def test_a_turn_that_runs_while_its_session_ends_is_committed(database: str, redis_url: str) -> None:
    held = Held()
    async with gateways(held.peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        waiting = asyncio.ensure_future(stub.SendMessage(send("wait"), timeout=20))
        await until(lambda: held.peers.starts, "the turn runs")
        old = held.peers.starts[0].session.session_id
        queued = asyncio.ensure_future(stub.SendMessage(send("one more thing"), timeout=20))

        async def both_wait() -> bool:
            return bool((await calls.session_of(gateway, old)).open_messages == 2)

        await until(both_wait, "the second message is stored")
        assert (await end(gateway, old)).status == ENDED
        new = await stub.SendMessage(send("hello"), timeout=10)
        assert new.session_id != old
        held.released.set()
        for answer in (await waiting, await queued):
            assert (answer.session_id, answer.turn.status) == (old, turn_pb2.TURN_STATUS_COMPLETE)
        after = await calls.session_of(gateway, old)
        assert (after.status, after.turn_count, after.open_messages) == (ENDED, 2, 0)
        asked = session_pb.ListMessagesRequest(session_id=old, page_size=1)
        latest = await calls.sessions(gateway).ListMessages(asked, timeout=10)
        asked.page_token = latest.next_page_token
        first = await calls.sessions(gateway).ListMessages(asked, timeout=10)
        assert [m.text for m in (*latest.messages, *first.messages)] == ["one more thing", "wait"]
        assert (first.next_page_token, first.messages[0].turn_id) == ("", (await waiting).turn.turn_id)


async def test_what_waits_in_a_window_is_answered_when_the_session_ends(
    database: str, redis_url: str
) -> None:
    window = {"mode": "fixed", "fixed_ms": 9000}
    async with gateways(Peers(), database, redis_url, accumulation=window) as [gateway]:
        stub = calls.stub(gateway)
        old = (await stub.SubmitMessage(submit("hello"), timeout=10)).session_id
        await end(gateway, old)

        async def answered() -> bool:
            return bool((await calls.session_of(gateway, old)).turn_count)

        await until(answered, "the message is answered", 5)


async def test_an_end_can_be_repeated_and_the_first_reason_stays(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        session_id = (await calls.stub(gateway).SendMessage(send("hello"), timeout=10)).session_id
        ended = await end(gateway, session_id, reason="solved", request_id="r1")
        assert await end(gateway, session_id, reason="solved", request_id="r1") == ended
        assert await end(gateway, session_id, reason="other") == ended
        sessions = calls.sessions(gateway)
        for request, reason in (
            ({"session_id": session_id, "request_id": "r1"}, "REQUEST_ID_REUSED"),
            ({"session_id": "ses_unknown"}, "SESSION_NOT_FOUND"),
            ({"session_id": "a:b"}, "INVALID_ID"),
            ({"session_id": session_id, "reason": "x" * 257}, "INVALID_ID"),
        ):
            asked = sessions.EndSession(session_pb.EndSessionRequest(**request), timeout=10)
            assert (await refused(asked))[1].reason == reason
        admin = gateway.deployment.tenant_token(roles=["admin"])
        edit = session_pb.UpdateSessionRequest(session_id=session_id, variables_json={"a": "1"})
        timer = pb.TriggerTurnRequest(
            session_id=session_id, cause=turn_pb2.TURN_CAUSE_TIMER, cause_id="t1", payload_json="{}"
        )
        for call in (
            calls.sessions(gateway, admin).UpdateSession(edit, timeout=10),
            calls.stub(gateway).TriggerTurn(timer, timeout=10),
        ):
            assert (await refused(call))[1].reason == "SESSION_ENDED"
        foreign = calls.sessions(gateway, gateway.deployment.tenant_token("umbrella"))
        asked = foreign.EndSession(session_pb.EndSessionRequest(session_id=session_id), timeout=10)
        assert (await refused(asked))[1].reason == "SESSION_NOT_FOUND"


async def test_messages_and_an_end_at_once_lose_nothing(database: str, redis_url: str) -> None:
    """Each message is answered in the session that acknowledged it, whichever came first."""
    async with gateways(Peers(), database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        for round_number in range(4):
            user = f"user {round_number}"
            old = (await stub.SendMessage(send("hello", user=user), timeout=20)).session_id
            sending = [
                asyncio.ensure_future(stub.SendMessage(send(f"m{number}", user=user), timeout=20))
                for number in range(4)
            ]
            _, *answers = await asyncio.gather(end(gateway, old), *sending)
            after = await calls.session_of(gateway, old)
            assert (after.status, after.open_messages) == (ENDED, 0)
            told = [answer for answer in answers if answer.message_id in answer.turn.message_ids]
            assert len(told) == 4
            assert len({answer.session_id for answer in answers} - {old}) <= 1


async def test_a_stream_goes_on_from_the_ended_session_to_the_next(database: str, redis_url: str) -> None:
    held = Held()
    async with gateways(held.peers, database, redis_url) as [gateway]:
        stream = await calls.converse(gateway)
        await stream.write(say("wait", "r1"))
        frames = await calls.read_until(stream, lambda frame: frame.event.HasField("turn_started"))
        old = frames[-1].event.session_id
        await end(gateway, old, reason="solved")
        ended = await calls.read_until(stream, lambda frame: frame.event.HasField("session_ended"))
        assert ended[-1].event.session_ended.reason == "solved"
        await stream.write(say("hello", "r2"))
        frames = await calls.read_until(stream, calls.completed)
        [new] = {frame.accepted.session_id for frame in frames if frame.HasField("accepted")}
        assert (frames[-1].event.session_id, new != old) == (new, True)
        held.released.set()
        frames = await calls.read_until(stream, calls.completed)
        assert frames[-1].event.session_id == old, "the last answer of the old session is not lost"
        await stream.done_writing()
        assert [frame async for frame in calls.frames(stream)] == []


async def test_a_stream_resumes_where_it_was_even_if_the_session_has_ended(
    database: str, redis_url: str
) -> None:
    held = Held()
    async with gateways(held.peers, database, redis_url) as [gateway]:
        waiting = asyncio.ensure_future(calls.stub(gateway).SendMessage(send("wait"), timeout=20))
        await until(lambda: held.peers.starts, "the turn runs")
        old = held.peers.starts[0].session.session_id
        seen = (await end(gateway, old)).last_offset
        resumed = await calls.converse(gateway, session_id=old, after_offset=seen)
        assert (await resumed.read()).ready.session_id == old
        held.released.set()
        await waiting
        answer = (await calls.read_until(resumed, calls.completed))[-1]
        assert (answer.event.session_id, answer.event.offset > seen) == (old, True)
        new = (await calls.stub(gateway).SendMessage(send("hello"), timeout=10)).session_id
        moved = await calls.converse(gateway, session_id=old, after_offset=answer.event.offset)
        ready = (await moved.read()).ready
        assert (ready.session_id, ready.offset) == (new, 0)
        assert (await calls.read_until(moved, calls.completed))[-1].event.session_id == new
