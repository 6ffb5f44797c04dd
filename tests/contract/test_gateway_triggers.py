"""Turns that no message opened."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import grpc
import pytest

from focal.turn.v1 import event_pb2, turn_pb2
from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal_turn_gateway.adapters.postgres.turn_desk import PostgresTurnDesk
from focal_turn_gateway.domain.triggers import Request, Trigger
from tests.fakes import gateway_calls as calls
from tests.fakes.gateway_calls import refused, send
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


def trigger(session_id: str, **fields: Any) -> pb.TriggerTurnRequest:
    """A timer that tells the agent that the parcel is late."""
    chosen = {"cause": turn_pb2.TURN_CAUSE_TIMER, "cause_id": "t1", "payload_json": '{"text": "parcel late"}'}
    return pb.TriggerTurnRequest(session_id=session_id, **{**chosen, **fields})


async def closed(gateway: Any, turn_id: str) -> turn_pb2.Turn:
    """The turn once it has ended."""
    found: list[turn_pb2.Turn] = []

    async def ended() -> bool:
        request = session_pb.GetTurnRequest(turn_id=turn_id)
        found.append((await calls.sessions(gateway).GetTurn(request)).turn)
        return found[-1].HasField("closed_at")

    async with asyncio.timeout(10):
        while not await ended():
            await asyncio.sleep(0.02)
    return found[-1]


async def test_a_trigger_is_answered_by_a_turn_without_a_message(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        await run.answer("your parcel is late" if not run.texts else None)

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("hello"), timeout=10)).session_id
        opened = await stub.TriggerTurn(trigger(session_id), timeout=10)
        turn = await closed(gateway, opened.turn_id)
        assert (turn.status, turn.cause) == (turn_pb2.TURN_STATUS_COMPLETE, turn_pb2.TURN_CAUSE_TIMER)
        assert (turn.reply[0].text, list(turn.message_ids), turn.turn_index) == ("your parcel is late", [], 2)
        start = peers.starts[-1]
        assert (start.turn_id, start.trigger_json) == (opened.turn_id, '{"text":"parcel late"}')
        assert (start.cause, len(start.messages)) == (turn_pb2.TURN_CAUSE_TIMER, 0)
        assert start.turn_group_id not in {"", peers.starts[0].turn_group_id}


async def test_at_most_one_turn_is_open_per_cause(database: str, redis_url: str) -> None:
    answering = asyncio.Event()

    async def script(run: Run) -> None:
        if not run.texts:
            await answering.wait()
        await run.answer("done")

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("hello"), timeout=10)).session_id
        asked = (trigger(session_id) for _ in range(5))
        opened = await asyncio.gather(*(stub.TriggerTurn(each, timeout=10) for each in asked))
        assert len({each.turn_id for each in opened}) == 1
        assert sorted(each.already_open for each in opened) == [False, True, True, True, True]
        other = await stub.TriggerTurn(trigger(session_id, cause_id="t2"), timeout=10)
        assert other.turn_id != opened[0].turn_id
        answering.set()
        await closed(gateway, opened[0].turn_id)
        again = await stub.TriggerTurn(trigger(session_id), timeout=10)
        assert again.turn_id not in {opened[0].turn_id, other.turn_id}
        assert not again.already_open


async def test_a_repeated_trigger_opens_nothing_even_after_its_turn_ended(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("hello"), timeout=10)).session_id
        first = await stub.TriggerTurn(trigger(session_id, request_id="r1"), timeout=10)
        await closed(gateway, first.turn_id)
        again = await stub.TriggerTurn(trigger(session_id, request_id="r1"), timeout=10)
        assert (again.turn_id, again.already_open) == (first.turn_id, True)
        other = stub.TriggerTurn(trigger(session_id, request_id="r1", cause_id="t9"), timeout=10)
        assert (await refused(other))[1].reason == "REQUEST_ID_REUSED"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"session_id": "ses_unknown"}, "SESSION_NOT_FOUND"),
    ({"session_id": "no id"}, "INVALID_ID"),
    ({"cause": turn_pb2.TURN_CAUSE_MESSAGE}, "INVALID_FIELD"),
    ({"cause": turn_pb2.TURN_CAUSE_UNSPECIFIED}, "INVALID_FIELD"),
    ({"cause_id": ""}, "INVALID_ID"),
    ({"payload_json": "{"}, "INVALID_FIELD"),
    ({"payload_json": "[1]"}, "INVALID_FIELD"),
    ({"payload_json": '{"text": 1}'}, "INVALID_FIELD"),
    ({"payload_json": '{"a": 1, "a": 2}'}, "INVALID_FIELD"),
    ({"payload_json": f'{{"text": "{"x" * 65_536}"}}'}, "INVALID_FIELD"),
]


async def test_a_trigger_that_is_refused_leaves_nothing(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("hello"), timeout=10)).session_id
        for fields, reason in REFUSED:
            asked = trigger(**{"session_id": session_id, **fields})
            assert (await refused(stub.TriggerTurn(asked, timeout=10)))[1].reason == reason, fields
        foreign = calls.stub(gateway, gateway.deployment.tenant_token("umbrella"))
        code, error = await refused(foreign.TriggerTurn(trigger(session_id), timeout=10))
        assert (code, error.reason) == (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND")
        connection = await asyncpg.connect(database)
        assert await connection.fetchval("SELECT count(*) FROM turns.triggers") == 0
        await connection.close()


async def test_open_messages_are_answered_before_a_trigger(database: str, redis_url: str) -> None:
    peers = Peers()
    window = {"mode": "fixed", "fixed_ms": 400}
    async with gateways(peers, database, redis_url, accumulation=window) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SubmitMessage(calls.submit("hello"), timeout=10)).session_id
        opened = await stub.TriggerTurn(trigger(session_id), timeout=10)
        await closed(gateway, opened.turn_id)
        assert [[m.text for m in start.messages] for start in peers.starts] == [["hello"], []]


async def test_a_message_that_supersedes_a_triggered_turn_is_answered_together_with_it(
    database: str, redis_url: str
) -> None:
    async def script(run: Run) -> None:
        if run.start.trigger_json and not run.texts:
            await run.decide(event_pb2.SUPERSEDE_ACTION_SUPERSEDE, await run.pending())
        await run.answer(run.start.trigger_json)

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("hello"), timeout=10)).session_id
        opened = await stub.TriggerTurn(trigger(session_id), timeout=10)
        await until(lambda: len(peers.starts) == 2, "the triggered turn runs")
        answer = await stub.SendMessage(send("where is it?"), timeout=10)
        assert answer.turn.reply[0].text == '{"text":"parcel late"}'
        assert answer.turn.superseded_from == opened.turn_id
        await stub.SendMessage(send("thanks"), timeout=10)
        assert len(peers.starts) == 4, "a trigger is answered once"


async def test_a_message_during_a_triggered_turn_can_wait_for_the_next(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        if not run.texts:
            await run.decide(event_pb2.SUPERSEDE_ACTION_QUEUE, await run.pending())
        await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        session_id = (await stub.SendMessage(send("hello"), timeout=10)).session_id
        opened = await stub.TriggerTurn(trigger(session_id), timeout=10)
        await until(lambda: len(peers.starts) == 2, "the triggered turn runs")
        answer = await stub.SendMessage(send("where is it?"), timeout=10)
        assert answer.turn.reply[0].text == "where is it?"
        assert (await closed(gateway, opened.turn_id)).status == turn_pb2.TURN_STATUS_COMPLETE


async def test_a_trigger_whose_wake_is_lost_is_found_by_the_sweep(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url, engine={"sweep_s": 0.2}) as [gateway]:
        session_id = (await calls.stub(gateway).SendMessage(send("hello"), timeout=10)).session_id
        async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
            asked = Trigger("acme", session_id, "TIMER", "t1", "{}")
            opened = await PostgresTurnDesk(pool).trigger(asked, Request("", ""))
        assert (await closed(gateway, opened.turn_id)).status == turn_pb2.TURN_STATUS_COMPLETE
