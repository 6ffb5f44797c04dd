"""Effects that a committed turn leaves go to the toolbox until they are undone or a person is needed."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from focal.pipeline.v1 import pipeline_service_pb2 as pipeline_pb
from focal.pipeline.v1 import turn_run_pb2
from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as toolbox_pb
from focal.turn.v1 import event_pb2, turn_pb2
from focal_kernel import errors
from focal_service_kit import identity
from tests.fakes.gateway_calls import send, stub, submit
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

QUICK = {"retry_min_s": 0.05, "retry_max_s": 0.1, "poll_s": 0.1}


class Shop(Peers):
    """A toolbox that undoes what it is asked to, once its `failures` are used up; `refused` effects stand."""

    def __init__(self, *failures: Exception, refused: tuple[str, ...] = ()) -> None:
        super().__init__(_rebooked)
        self.failures = list(failures)
        self.refused = refused
        self.demands: list[tuple[toolbox_pb.CompensateRequest, identity.Caller]] = []

    async def Compensate(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.demands.append((request, identity.current()))
        if self.failures:
            raise self.failures.pop(0)
        response = toolbox_pb.CompensateResponse()
        for effect_id in request.effect_ids:
            stands = effect_id in self.refused
            state = effect_pb2.EFFECT_STATE_DONE if stands else effect_pb2.EFFECT_STATE_COMPENSATED
            response.effects.add(effect_id=effect_id, state=state)
            status = tool_pb2.TOOL_STATUS_ERROR if stands else tool_pb2.TOOL_STATUS_SUCCESS
            response.compensations.add(effect_id=effect_id, result=tool_pb2.ToolResult(status=status))
        return response


async def _rebooked(run: Run) -> None:
    """The first attempt books and is replaced; its successor rests on another booking."""
    if len(run.texts) == 1:
        await run.decide(event_pb2.SUPERSEDE_ACTION_SUPERSEDE, await run.pending())
        return
    result = turn_run_pb2.TurnResult(
        answered_message_ids=[message.message_id for message in run.start.messages],
        reply=[turn_pb2.ReplySegment(text="booked")],
        outcome=turn_pb2.TURN_OUTCOME_RESOLVED,
        config_version=7,
        left_effect_ids=["eff_1"],
    )
    await run.say(pipeline_pb.RunTurnResponse(result=result))


async def _changed_mind(peers: Shop, gateway: Any) -> turn_pb2.Turn:
    calls = stub(gateway)
    await calls.SubmitMessage(submit("order 1"), timeout=10)
    await until(lambda: peers.starts, "the first attempt runs")
    turn: turn_pb2.Turn = (await calls.SendMessage(send("no, order 2"), timeout=10)).turn
    return turn


async def _row_is(database: str, state: str) -> None:
    connection = await asyncpg.connect(database)
    query = "SELECT state FROM turns.outbox WHERE destination = 'compensation'"

    async def reached() -> bool:
        return [row["state"] for row in await connection.fetch(query)] == [state]

    try:
        await until(reached, f"the demand is {state}")
    finally:
        await connection.close()


async def test_what_a_successor_does_not_rest_on_is_undone_although_the_toolbox_was_away(
    database: str, redis_url: str
) -> None:
    """Break: leave the row out of `outbox_rows`."""
    peers = Shop(errors.Unavailable("DEPENDENCY_UNAVAILABLE", "away"))
    async with gateways(peers, database, redis_url, delivery=QUICK) as [gateway]:
        turn = await _changed_mind(peers, gateway)
        assert list(turn.left_effect_ids) == ["eff_1"]
        await _row_is(database, "DELIVERED")
    (first, _), (second, caller) = peers.demands
    assert first == second
    assert list(second.effect_ids) == ["eff_1"]
    assert (second.context.turn_id, second.context.turn_group_id) == (turn.turn_id, turn.turn_group_id)
    assert (caller.session_id, caller.turn_id, caller.epoch) == (
        turn.session_id,
        turn.turn_id,
        second.context.epoch,
    )


async def test_an_effect_that_cannot_be_undone_is_not_asked_for_without_end(
    database: str, redis_url: str
) -> None:
    peers = Shop(refused=("eff_1",))
    async with gateways(peers, database, redis_url, delivery=QUICK) as [gateway]:
        await _changed_mind(peers, gateway)
        await _row_is(database, "FAILED")
    assert len(peers.demands) == 1
