"""What a superseded attempt had moved in its scenario dies with it."""

from __future__ import annotations

import asyncio

import pytest

from focal.pipeline.v1 import pipeline_service_pb2 as pipeline_pb
from focal.pipeline.v1 import turn_run_pb2
from focal.turn.v1 import event_pb2, session_pb2, turn_pb2
from tests.fakes import gateway_calls as calls
from tests.fakes.gateway_calls import send
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


async def moved_to(run: Run, step_id: str) -> None:
    """Answer everything, with a scenario that this attempt has moved to `step_id`."""
    state = session_pb2.SessionState(
        scenarios=[session_pb2.ScenarioInstance(scenario_id="return", current_step_id=step_id)],
        turn_index=run.start.session.state.turn_index + 1,
    )
    result = turn_run_pb2.TurnResult(
        answered_message_ids=[message.message_id for message in run.start.messages],
        reply=[turn_pb2.ReplySegment(text=step_id)],
        outcome=turn_pb2.TURN_OUTCOME_PARTIAL,
        mutations=turn_run_pb2.StagedMutations(state=state),
        config_version=7,
    )
    await run.say(pipeline_pb.RunTurnResponse(result=result))


async def test_a_superseded_attempt_leaves_the_scenario_where_it_was(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        match run.texts:
            case ["start"]:
                await moved_to(run, "ask_order")
            case ["order 1"]:
                await run.offer("P6", '{"step": "refund"}')
                await run.decide(event_pb2.SUPERSEDE_ACTION_SUPERSEDE, await run.pending())
                await moved_to(run, "refund")
            case _:
                await moved_to(run, "ask_reason")

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        await stub.SendMessage(send("start"), timeout=10)
        first = asyncio.ensure_future(stub.SendMessage(send("order 1"), timeout=10))
        await until(lambda: len(peers.starts) == 2, "the second turn runs")
        second = await stub.SendMessage(send("wait, order 2"), timeout=10)
        assert (await first).turn.turn_id == second.turn.turn_id
        seen = [[s.current_step_id for s in start.session.state.scenarios] for start in peers.starts]
        assert seen == [[], ["ask_order"], ["ask_order"]], "no attempt sees what was not committed"
        session = await calls.session_of(gateway, second.session_id)
        assert [scenario.current_step_id for scenario in session.state.scenarios] == ["ask_reason"]
        assert (session.state.turn_index, session.turn_count) == (2, 2)
