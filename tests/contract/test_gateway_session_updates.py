"""Operators change what an agent remembers of a session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import grpc
import pytest

from focal.pipeline.v1 import pipeline_service_pb2 as pipeline_pb
from focal.pipeline.v1 import turn_run_pb2
from focal.turn.v1 import session_pb2, turn_pb2
from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal_kernel import errors
from tests.fakes import gateway_calls as calls
from tests.fakes.gateway_calls import refused, send
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.in_process import Running
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


async def remember(run: Run, **variables: Any) -> None:
    """Answer, and stage the state that the turn began with, without its moves, with variables set."""
    state = session_pb2.SessionState()
    state.CopyFrom(run.start.session.state)
    state.ClearField("moves")
    state.turn_index += 1
    for name, value in variables.items():
        state.variables_json[name] = json.dumps(value)
    result = turn_run_pb2.TurnResult(
        answered_message_ids=[message.message_id for message in run.start.messages],
        reply=[turn_pb2.ReplySegment(text="ok")],
        outcome=turn_pb2.TURN_OUTCOME_RESOLVED,
        mutations=turn_run_pb2.StagedMutations(state=state),
        config_version=7,
    )
    await run.say(pipeline_pb.RunTurnResponse(result=result))


class Held:
    """A pipeline whose turns on "wait" end when `released`, with what `says` makes of the state."""

    def __init__(self, **says: Any) -> None:
        self.released = asyncio.Event()
        self.says = says
        self.peers = Peers(self.script)

    async def script(self, run: Run) -> None:
        if run.texts == ["wait"]:
            await self.released.wait()
            await remember(run, **self.says)
        else:
            await remember(run)

    @property
    def seen(self) -> list[Mapping[str, str]]:
        """Variables that each attempt began with."""
        return [dict(start.session.state.variables_json) for start in self.peers.starts]


def operator(gateway: Running) -> Any:
    """Sessions as an administrator of the tenant."""
    return calls.sessions(gateway, gateway.deployment.tenant_token(roles=["admin"], subject="olga"))


async def update(gateway: Running, session_id: str, **fields: Any) -> session_pb2.Session:
    request = session_pb.UpdateSessionRequest(session_id=session_id, **fields)
    answer: session_pb.UpdateSessionResponse = await operator(gateway).UpdateSession(request, timeout=10)
    return answer.session


async def test_an_edit_shows_at_once_and_the_next_turn_begins_with_it(database: str, redis_url: str) -> None:
    held = Held()
    async with gateways(held.peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("hello"), timeout=10)).session_id
        set_two = {"order_id": ' "10003" ', "total": "12.50"}
        first = await update(gateway, session_id, variables_json=set_two, leave_scenario_id="return")
        assert dict(first.state.variables_json) == {"order_id": '"10003"', "total": "12.5"}
        moved = await update(
            gateway,
            session_id,
            variables_json={"total": "null"},
            scenario_id="exchange",
            step_id="ask_size",
            reason="the customer rang",
        )
        assert dict(moved.state.variables_json) == {"order_id": '"10003"'}
        moves = [("return", ""), ("exchange", "ask_size")]
        assert [(move.scenario_id, move.step_id) for move in moved.state.moves] == moves
        assert len({"", first.etag, moved.etag}) == 3
        await stub.SendMessage(send("hello again"), timeout=10)
        state = held.peers.starts[-1].session.state
        assert [(move.scenario_id, move.step_id) for move in state.moves] == moves
        assert held.seen[-1] == {"order_id": '"10003"'}
        after = await calls.session_of(gateway, session_id)
        assert (dict(after.state.variables_json), list(after.state.moves)) == ({"order_id": '"10003"'}, [])


async def test_an_edit_while_a_turn_runs_survives_its_commit(database: str, redis_url: str) -> None:
    held = Held(city="Rome", kept=1, gone=1)
    async with gateways(held.peers, database, redis_url) as [gateway]:
        waiting = asyncio.ensure_future(calls.stub(gateway).SendMessage(send("wait"), timeout=20))
        await until(lambda: held.peers.starts, "the turn runs")
        session_id = held.peers.starts[0].session.session_id
        await update(gateway, session_id, variables_json={"city": '"Paris"', "gone": "1"})
        edited = await update(
            gateway, session_id, variables_json={"gone": "null"}, scenario_id="return", step_id="ask"
        )
        assert dict(edited.state.variables_json) == {"city": '"Paris"'}
        held.released.set()
        turn = (await waiting).turn
        assert (turn.status, turn.attempt) == (turn_pb2.TURN_STATUS_COMPLETE, 1), "no edit ends a turn"
        after = await calls.session_of(gateway, session_id)
        assert dict(after.state.variables_json) == {"city": '"Paris"', "kept": "1"}
        assert [move.step_id for move in after.state.moves] == ["ask"]
        assert after.state.turn_index == 1
        await calls.stub(gateway).SendMessage(send("next"), timeout=10)
        assert held.seen == [{}, {"city": '"Paris"', "kept": "1"}]


@pytest.mark.parametrize("planned", [False, True])
async def test_a_further_attempt_sees_the_edit_unless_it_follows_a_plan(
    database: str, redis_url: str, planned: bool
) -> None:
    """An operator can mend what makes a turn fail; a plan is followed on the state it was made on."""
    edited = asyncio.Event()

    async def script(run: Run) -> None:
        if run.start.attempt == 1:
            if planned:
                artifact = turn_run_pb2.PhaseArtifact(
                    name="tool_plan", data_json="{}", acknowledge=True, binding=True
                )
                await run.say(pipeline_pb.RunTurnResponse(artifact=artifact))
                await run.stored()
            await edited.wait()
            raise errors.Unavailable("DEPENDENCY_UNAVAILABLE", "the pipeline dies")
        await remember(run, city="Rome")

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        waiting = asyncio.ensure_future(calls.stub(gateway).SendMessage(send("hello"), timeout=20))
        await until(lambda: peers.starts, "the turn runs")
        session_id = peers.starts[0].session.session_id
        await update(gateway, session_id, variables_json={"city": '"Paris"', "late": "1"})
        edited.set()
        assert (await waiting).turn.attempt == 2
        second = dict(peers.starts[1].session.state.variables_json)
        assert second == ({} if planned else {"city": '"Paris"', "late": "1"})
        after = dict((await calls.session_of(gateway, session_id)).state.variables_json)
        assert after == {"city": '"Paris"' if planned else '"Rome"', "late": "1"}


async def test_the_log_says_who_changed_what_and_no_values(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("hello"), timeout=10)).session_id
        await update(
            gateway,
            session_id,
            variables_json={"city": '"Paris"', "old": "null"},
            leave_scenario_id="return",
            reason="they moved",
        )
        watched = stub.WatchSession(pb.WatchSessionRequest(session_id=session_id), timeout=10)
        seen = await calls.read_until(watched, lambda frame: frame.event.HasField("session_updated"))
        event = seen[-1].event
        assert event.name == "infra.session.updated"
        body = event.session_updated
        assert (list(body.set_variables), list(body.removed_variables)) == (["city"], ["old"])
        assert (body.moves[0].scenario_id, body.updated_by, body.reason) == ("return", "olga", "they moved")
        assert "Paris" not in str(event)


async def test_an_edit_can_be_repeated_and_meant_for_one_state_only(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        session_id = (await calls.stub(gateway).SendMessage(send("hello"), timeout=10)).session_id
        seen = await calls.session_of(gateway, session_id)
        once = {"variables_json": {"a": "1"}, "request_id": "r1", "etag": seen.etag}
        first = await update(gateway, session_id, **once)
        again = await update(gateway, session_id, **once)
        assert (again.etag, again.last_offset) == (first.etag, first.last_offset)
        for fields, reason, code in (
            ({**once, "variables_json": {"a": "2"}}, "REQUEST_ID_REUSED", grpc.StatusCode.ALREADY_EXISTS),
            ({"variables_json": {"a": "2"}, "etag": seen.etag}, "SESSION_CHANGED", grpc.StatusCode.ABORTED),
        ):
            request = session_pb.UpdateSessionRequest(session_id=session_id, **fields)
            status, error = await refused(operator(gateway).UpdateSession(request, timeout=10))
            assert (status, error.reason) == (code, reason)
        await update(gateway, session_id, variables_json={"a": "2"}, etag=first.etag)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"session_id": "ses_unknown"}, "SESSION_NOT_FOUND"),
    ({"session_id": "no id"}, "INVALID_ID"),
    ({"variables_json": {}}, "INVALID_FIELD"),
    ({"variables_json": {"a b": "1"}}, "INVALID_ID"),
    ({"variables_json": {"a": "{"}}, "INVALID_FIELD"),
    ({"variables_json": {"a": '{"b": 1, "b": 2}'}}, "INVALID_FIELD"),
    ({"variables_json": {"a": f'"{"x" * 64}"'}}, "INVALID_FIELD"),
    ({"variables_json": {f"v{number}": "1" for number in range(4)}}, "INVALID_FIELD"),
    ({"variables_json": {"b": "1", "c": "1", "d": "1"}}, "SESSION_FULL"),
    ({"scenario_id": "return"}, "INVALID_FIELD"),
    ({"step_id": "ask"}, "INVALID_FIELD"),
    ({"scenario_id": "return", "step_id": "a:b"}, "INVALID_ID"),
    ({"scenario_id": "r", "step_id": "a", "leave_scenario_id": "r"}, "INVALID_FIELD"),
    ({"scenario_id": "r", "step_id": "a", "leave_scenario_id": "s"}, "SESSION_FULL"),
    ({"etag": "new"}, "INVALID_FIELD"),
    ({"reason": "x" * 257}, "INVALID_ID"),
]


async def test_an_edit_that_is_refused_changes_nothing(database: str, redis_url: str) -> None:
    limits = {"max_changes": 3, "max_variables": 3, "max_variable_bytes": 32, "max_moves": 1}
    async with gateways(Peers(), database, redis_url, sessions=limits) as [gateway]:
        session_id = (await calls.stub(gateway).SendMessage(send("hello"), timeout=10)).session_id
        before = await update(gateway, session_id, variables_json={"a": "1"})
        for fields, reason in REFUSED:
            chosen = {"session_id": session_id, "variables_json": {"a": "2"}, "request_id": "r1", **fields}
            asked = operator(gateway).UpdateSession(session_pb.UpdateSessionRequest(**chosen), timeout=10)
            assert (await refused(asked))[1].reason == reason, fields
        fine = session_pb.UpdateSessionRequest(session_id=session_id, variables_json={"a": "2"})
        for token, reason in (
            (gateway.deployment.tenant_token(), "INSUFFICIENT_PERMISSIONS"),
            (gateway.deployment.tenant_token("umbrella", roles=["admin"]), "SESSION_NOT_FOUND"),
        ):
            asked = calls.sessions(gateway, token).UpdateSession(fine, timeout=10)
            assert (await refused(asked))[1].reason == reason
        assert await calls.session_of(gateway, session_id) == before
        await update(gateway, session_id, variables_json={"a": "2"}, request_id="r1")
