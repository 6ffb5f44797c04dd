"""A person stops a turn."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.toolbox.v1 import effect_pb2
from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_pb2
from tests.fakes import gateway_calls as calls
from tests.fakes.gateway_calls import refused, send
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


class Stuck:
    """A pipeline that answers nothing while `held`, and what it was asked."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.peers = Peers(self.script)

    async def script(self, run: Run) -> None:
        if "stuck" in run.texts:
            await self.released.wait()
        await run.answer()

    @property
    def group(self) -> str:
        return self.peers.starts[-1].turn_group_id

    def refund(self) -> effect_pb2.Effect:
        """An irreversible effect of the running turn."""
        return effect_pb2.Effect(
            tool_name="refund",
            policy=policies.SIDE_EFFECT_POLICY_IRREVERSIBLE,
            state=effect_pb2.EFFECT_STATE_PREPARED,
            turn_group_id=self.group,
        )


async def begun(stuck: Stuck, gateway: Any) -> tuple[asyncio.Future[Any], str]:
    """A turn that hangs: the call that waits for it, and its session."""
    count = len(stuck.peers.starts)
    waiting = asyncio.ensure_future(calls.stub(gateway).SendMessage(send("stuck"), timeout=20))
    await until(lambda: len(stuck.peers.starts) > count, "the turn runs")
    return waiting, stuck.peers.starts[-1].session.session_id


async def test_a_cancelled_turn_ends_without_a_reply_and_the_session_goes_on(
    database: str, redis_url: str
) -> None:
    stuck = Stuck()
    async with gateways(stuck.peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        waiting, session_id = await begun(stuck, gateway)
        answer = await stub.CancelTurn(
            pb.CancelTurnRequest(session_id=session_id, reason="hangs"), timeout=10
        )
        assert (answer.turn.status, answer.turn.status_reason) == (turn_pb2.TURN_STATUS_CANCELLED, "hangs")
        assert [message.text for message in answer.open_messages] == ["stuck"]
        assert answer.open_messages[0].turn_id == answer.turn.turn_id
        told = await waiting
        assert (told.turn.status, list(told.turn.reply)) == (turn_pb2.TURN_STATUS_CANCELLED, [])
        assert [fence.epoch for fence in stuck.peers.fences] == [2]
        stuck.released.set()
        after = await stub.SendMessage(send("hello"), timeout=10)
        assert after.turn.reply[0].text == "hello"
        assert after.turn.turn_index == 1
        session = await calls.session_of(gateway, session_id)
        assert (session.open_messages, session.turn_count) == (0, 1)


async def test_watchers_and_repeats_of_the_message_see_that_it_was_cancelled(
    database: str, redis_url: str
) -> None:
    stuck = Stuck()
    async with gateways(stuck.peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        waiting = asyncio.ensure_future(stub.SendMessage(send("stuck", "r1"), timeout=20))
        await until(lambda: stuck.peers.starts, "the turn runs")
        session_id = stuck.peers.starts[0].session.session_id
        await stub.CancelTurn(pb.CancelTurnRequest(session_id=session_id, reason="hangs"), timeout=10)
        message_id = (await waiting).message_id
        watched = stub.WatchSession(pb.WatchSessionRequest(session_id=session_id), timeout=10)
        seen = await calls.read_until(watched, lambda frame: frame.event.HasField("turn_cancelled"))
        cancelled = seen[-1].event.turn_cancelled
        assert (cancelled.reason, list(cancelled.message_ids)) == ("hangs", [message_id])
        assert cancelled.cancelled_by
        again = await stub.SendMessage(send("stuck", "r1"), timeout=10)
        assert (again.duplicate, again.turn.status) == (True, turn_pb2.TURN_STATUS_CANCELLED)


async def test_a_message_that_came_later_is_answered_by_the_next_turn(database: str, redis_url: str) -> None:
    stuck = Stuck()
    async with gateways(stuck.peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        _, session_id = await begun(stuck, gateway)
        later = asyncio.ensure_future(stub.SendMessage(send("later"), timeout=20))
        request = session_pb.GetSessionRequest(session_id=session_id)

        async def both_wait() -> None:
            while (await calls.sessions(gateway).GetSession(request)).session.open_messages < 2:
                await asyncio.sleep(0.02)

        await asyncio.wait_for(both_wait(), 10)
        cancelled = await stub.CancelTurn(pb.CancelTurnRequest(session_id=session_id), timeout=10)
        assert [message.text for message in cancelled.open_messages] == ["stuck"]
        assert (await later).turn.reply[0].text == "later"


async def test_a_turn_that_another_gateway_runs_is_stopped_there(database: str, redis_url: str) -> None:
    stuck = Stuck()
    async with gateways(stuck.peers, database, redis_url, count=2) as [runs, cancels]:
        waiting, session_id = await begun(stuck, runs)
        await calls.stub(cancels).CancelTurn(pb.CancelTurnRequest(session_id=session_id), timeout=10)
        assert (await waiting).turn.status == turn_pb2.TURN_STATUS_CANCELLED
        after = await calls.stub(cancels).SendMessage(send("hello"), timeout=10)
        assert after.turn.reply[0].text == "hello"


@pytest.mark.parametrize("seen_by", ["effects", "fenced_effects"])
async def test_past_its_commit_point_a_turn_is_finished(database: str, redis_url: str, seen_by: str) -> None:
    stuck = Stuck()
    async with gateways(stuck.peers, database, redis_url) as [gateway]:
        waiting, session_id = await begun(stuck, gateway)
        getattr(stuck.peers, seen_by).append(stuck.refund())
        cancelling = calls.stub(gateway).CancelTurn(pb.CancelTurnRequest(session_id=session_id), timeout=10)
        code, error = await refused(cancelling)
        assert (code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COMMIT_POINT_PASSED")
        assert bool(stuck.peers.fences) == (seen_by == "fenced_effects")
        stuck.released.set()
        assert (await waiting).turn.status == turn_pb2.TURN_STATUS_COMPLETE


async def test_a_repeated_cancel_answers_the_same(database: str, redis_url: str) -> None:
    stuck = Stuck()
    async with gateways(stuck.peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        _, session_id = await begun(stuck, gateway)
        asked = pb.CancelTurnRequest(session_id=session_id, request_id="r1")
        first = await stub.CancelTurn(asked, timeout=10)
        _, _ = await begun(stuck, gateway)
        assert await stub.CancelTurn(asked, timeout=10) == first
        named = pb.CancelTurnRequest(session_id=session_id, turn_id=first.turn.turn_id)
        assert await stub.CancelTurn(named, timeout=10) == first
        other = pb.CancelTurnRequest(session_id=session_id, request_id="r1", reason="other")
        assert (await refused(stub.CancelTurn(other, timeout=10)))[1].reason == "REQUEST_ID_REUSED"


async def test_there_must_be_a_turn_that_can_be_cancelled(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        answered = await stub.SendMessage(send("hello"), timeout=10)

        async def reason(**fields: str) -> str:
            asked = pb.CancelTurnRequest(**{"session_id": answered.session_id, **fields})
            return (await refused(stub.CancelTurn(asked, timeout=10)))[1].reason

        assert await reason() == "NO_RUNNING_TURN"
        assert await reason(turn_id=answered.turn.turn_id) == "TURN_CLOSED"
        assert await reason(turn_id="trn_unknown") == "TURN_NOT_FOUND"
        assert await reason(session_id="ses_unknown") == "SESSION_NOT_FOUND"
        assert await reason(reason="x" * 257) == "INVALID_ID"


async def test_a_trigger_that_waits_can_be_cancelled_without_touching_the_turn_that_runs(
    database: str, redis_url: str
) -> None:
    stuck = Stuck()
    async with gateways(stuck.peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        waiting, session_id = await begun(stuck, gateway)
        timer = pb.TriggerTurnRequest(
            session_id=session_id, cause=turn_pb2.TURN_CAUSE_TIMER, cause_id="t1", payload_json="{}"
        )
        opened = await stub.TriggerTurn(timer, timeout=10)
        asked = pb.CancelTurnRequest(session_id=session_id, turn_id=opened.turn_id)
        cancelled = await stub.CancelTurn(asked, timeout=10)
        assert cancelled.turn.status == turn_pb2.TURN_STATUS_CANCELLED
        assert not stuck.peers.fences
        stuck.released.set()
        assert (await waiting).turn.status == turn_pb2.TURN_STATUS_COMPLETE
        await stub.SendMessage(send("hello"), timeout=10)
        assert len(stuck.peers.starts) == 2, "the timer's turn never runs"


async def test_the_versions_of_live_sessions_are_listed(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        run.start.session.config_version = 9 if run.texts == ["new"] else 7
        await run.answer()

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        for user, text in (("a", "old"), ("b", "old"), ("c", "new")):
            await calls.stub(gateway).SendMessage(send(text, user=user), timeout=10)
        sessions = calls.sessions(gateway)
        listed = await sessions.ListPinnedVersions(session_pb.ListPinnedVersionsRequest(agent_id="desk"))
        assert [(each.version, each.sessions) for each in listed.versions] == [(7, 2), (9, 1)]
        other = await sessions.ListPinnedVersions(session_pb.ListPinnedVersionsRequest(agent_id="other"))
        assert not other.versions


async def test_open_turns_are_listed_by_age_and_end_with_their_budget(database: str, redis_url: str) -> None:
    stuck = Stuck()
    turns = {"budget_s": 1.5, "error_reply": "sorry"}
    async with gateways(stuck.peers, database, redis_url, turns=turns) as [gateway]:
        waiting, session_id = await begun(stuck, gateway)
        sessions = calls.sessions(gateway)
        listed = await sessions.ListOpenTurns(session_pb.ListOpenTurnsRequest(), timeout=10)
        assert [(turn.session_id, turn.status) for turn in listed.turns] == [
            (session_id, turn_pb2.TURN_STATUS_PROCESSING)
        ]
        old = session_pb.ListOpenTurnsRequest()
        old.min_age.FromSeconds(3600)
        assert not (await sessions.ListOpenTurns(old, timeout=10)).turns
        old.min_age.FromSeconds(-1)
        assert (await refused(sessions.ListOpenTurns(old, timeout=10)))[1].reason == "INVALID_FIELD"
        failed = (await waiting).turn
        assert (failed.status, failed.reply[0].text) == (turn_pb2.TURN_STATUS_FAILED, "sorry")
        assert not (await sessions.ListOpenTurns(session_pb.ListOpenTurnsRequest(), timeout=10)).turns
