"""Answers to the question whether a tool may be called, given otherwise than in words."""

from __future__ import annotations

import json
from typing import Any

import grpc
import grpc.aio
import pytest

from focal.toolbox.v1 import tool_pb2
from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_pb2
from focal_kernel import errors
from tests.fakes import gateway_calls as calls
from tests.fakes.gateway_calls import refused, send
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

EXPIRED = errors.FailedPrecondition("CONFIRMATION_EXPIRED", "too late")


async def paying(run: Run) -> None:
    """Asks, and tells what came of the answer."""
    await run.answer(None if run.texts else f"accepted: {json.loads(run.start.trigger_json)['accepted']}")


def action(session_id: str, **fields: Any) -> pb.ConfirmActionRequest:
    return pb.ConfirmActionRequest(session_id=session_id, confirmation_id="cnf_1", accepted=True, **fields)


def confirm(request_id: str = "req_1", *, accepted: bool = True) -> pb.ConverseRequest:
    answer = pb.ConverseConfirm(confirmation_id="cnf_1", accepted=accepted, request_id=request_id)
    return pb.ConverseRequest(confirm=answer)


async def test_an_answer_is_recorded_and_opens_one_turn(database: str, redis_url: str) -> None:
    """Break: give the trigger the caller's request id in `Answer.request`."""
    peers = Peers(paying)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("refund"), timeout=10)).session_id
        first = await stub.ConfirmAction(action(session_id, request_id="req_1"), timeout=10)
        await until(lambda: len(peers.starts) == 2, "the turn of the answer runs")
        again = await stub.ConfirmAction(action(session_id, request_id="req_2"), timeout=10)
        assert (again.turn_id, again.already_open) == (first.turn_id, True)
        assert first.expires_at.seconds == 1_900_000_000
        start = peers.starts[-1]
        assert (start.turn_id, start.cause) == (first.turn_id, turn_pb2.TURN_CAUSE_CONFIRMATION)
        told = json.loads(start.trigger_json)
        assert (told["confirmation_id"], told["accepted"]) == ("cnf_1", True)
        request, caller = peers.confirmed[0]
        assert (request.session_id, request.confirmation_id, request.accepted, request.request_id) == (
            session_id,
            "cnf_1",
            True,
            "req_1",
        )
        assert request.approver == tool_pb2.APPROVER_CUSTOMER
        assert (caller.tenant_id, caller.session_id, caller.turn_id) == ("acme", session_id, "")


async def test_an_answer_for_the_tenant_takes_an_administrator(database: str, redis_url: str) -> None:
    """Break: leave `require_role` out of ConfirmAction."""
    peers = Peers(paying)
    async with gateways(peers, database, redis_url) as [gateway]:
        session_id = (await calls.stub(gateway).SendMessage(send("refund"), timeout=10)).session_id
        asked = action(session_id, as_operator=True)
        code, _ = await refused(calls.stub(gateway).ConfirmAction(asked, timeout=10))
        assert (code, peers.confirmed) == (grpc.StatusCode.PERMISSION_DENIED, [])
        admin = gateway.deployment.tenant_token("acme", subject="olga", roles=["admin"])
        await calls.stub(gateway, admin).ConfirmAction(asked, timeout=10)
        [(request, _)] = peers.confirmed
        assert (request.approver, request.answered_by) == (tool_pb2.APPROVER_OPERATOR, "olga")


async def test_a_refused_answer_opens_no_turn(database: str, redis_url: str) -> None:
    """Break: open the turn before the answer is recorded."""
    peers = Peers(paying, refusal=EXPIRED)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("refund"), timeout=10)).session_id
        code, error = await refused(stub.ConfirmAction(action(session_id), timeout=10))
        assert (code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CONFIRMATION_EXPIRED")
        listed = await calls.sessions(gateway).ListTurns(session_pb.ListTurnsRequest(session_id=session_id))
        assert len(listed.turns) == 1


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_stream_answers_and_stays_until_the_turn_of_its_answer_has_ended(
    database: str, redis_url: str, accepted: bool
) -> None:
    """Break: leave the turn of the answer out of `unanswered`."""
    async with gateways(Peers(paying), database, redis_url) as [gateway]:
        call = await calls.converse(gateway)
        await call.write(calls.say("refund"))
        await calls.read_until(call, calls.completed)
        await call.write(confirm(accepted=accepted))
        await call.done_writing()
        rest = [frame async for frame in calls.frames(call)]
        [confirmed] = [frame.confirmed for frame in rest if frame.WhichOneof("frame") == "confirmed"]
        assert (confirmed.request_id, confirmed.confirmation_id) == ("req_1", "cnf_1")
        [ended] = [frame.event for frame in rest if calls.completed(frame)]
        assert ended.turn_id == confirmed.turn_id
        assert ended.turn_completed.turn.reply[0].text == f"accepted: {accepted}"


async def test_a_refused_answer_on_a_stream_is_a_frame_and_the_stream_goes_on(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(paying, refusal=EXPIRED), database, redis_url) as [gateway]:
        call = await calls.converse(gateway)
        await call.write(confirm("before any session"))
        await calls.read_until(call, lambda frame: frame.rejected.reason == "INVALID_ID")
        await call.write(calls.say("refund"))
        await calls.read_until(call, calls.completed)
        await call.write(confirm("req_2"))
        *_, frame = await calls.read_until(call, lambda frame: frame.WhichOneof("frame") == "rejected")
        assert (frame.rejected.request_id, frame.rejected.reason) == ("req_2", "CONFIRMATION_EXPIRED")
        await call.write(calls.say("are you there?"))
        await calls.read_until(call, calls.completed)
        call.cancel()
