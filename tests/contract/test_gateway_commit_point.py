"""A turn that says it is past its commit point is finished, whoever wants otherwise."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from focal.turn.v1 import event_pb2, turn_pb2
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from tests.fakes.gateway_calls import refused, send, stub, submit
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


async def test_a_turn_that_has_reported_its_commit_point_cannot_be_cancelled(
    database: str, redis_url: str
) -> None:
    reported, go = asyncio.Event(), asyncio.Event()

    async def script(run: Run) -> None:
        await run.report(category="infra", kind="commit.reached")
        reported.set()
        await go.wait()
        await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url, count=2) as [here, there]:
        waiting = asyncio.ensure_future(stub(here).SendMessage(send("hello"), timeout=20))
        await reported.wait()
        session_id = peers.starts[0].session.session_id
        cancel = pb.CancelTurnRequest(session_id=session_id)
        await asyncio.sleep(0.2)  # longer than reported events wait to be stored
        code, refusal = await refused(stub(there).CancelTurn(cancel, timeout=10))
        assert (code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COMMIT_POINT_PASSED")
        assert peers.fences == []
        go.set()
        assert (await waiting).turn.status == turn_pb2.TURN_STATUS_COMPLETE


async def test_a_turn_that_has_reported_its_commit_point_is_not_superseded_by_any_of_its_attempts(
    database: str, redis_url: str
) -> None:
    async def script(run: Run) -> None:
        if run.start.attempt == 1:
            await run.report(category="infra", kind="commit.reached")
        if run.start.attempt < 3:
            pending = [run.start.messages[0].message_id]
            if run.start.attempt == 1:
                pending = await run.pending()
            await run.decide(event_pb2.SUPERSEDE_ACTION_SUPERSEDE, pending)
            await asyncio.Event().wait()
        await run.answer("one turn for all")

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        first = asyncio.ensure_future(stub(gateway).SendMessage(send("one"), timeout=20))
        await until(lambda: peers.starts, "the turn runs")
        await stub(gateway).SubmitMessage(submit("two"), timeout=10)
        turn = (await first).turn
        assert (turn.status, turn.attempt, turn.superseded_from) == (turn_pb2.TURN_STATUS_COMPLETE, 3, "")
        assert len(turn.message_ids) == 2
        assert len({start.turn_id for start in peers.starts}) == 1
