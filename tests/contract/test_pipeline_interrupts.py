"""Messages that arrive while a turn runs, at every point where the pipeline decides about them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest

from focal.pipeline.v1 import pipeline_service_pb2 as pb
from focal.pipeline.v1 import turn_run_pb2
from focal.turn.v1 import event_pb2
from tests.fakes import pipeline_peers
from tests.fakes.until import until

SUPERSEDE, QUEUE = event_pb2.SUPERSEDE_ACTION_SUPERSEDE, event_pb2.SUPERSEDE_ACTION_QUEUE
ABSORB = event_pb2.SUPERSEDE_ACTION_ABSORB
TRACE = "trace my parcel, order 10004"


@pytest.fixture
async def mesh() -> AsyncIterator[pipeline_peers.Mesh]:
    async with pipeline_peers.mesh() as running:
        yield running


async def at_the_checkpoint(mesh: pipeline_peers.Mesh) -> pipeline_peers.Customer:
    customer = mesh.customer()
    await customer.say("I want to return order 10003, it is broken")
    mesh.toolbox.calls.clear()
    return customer


async def with_the_plan_sent(mesh: pipeline_peers.Mesh) -> tuple[pipeline_peers.Attempt, asyncio.Task[Any]]:
    """An attempt that waits for word that its plan is stored, and what reads its frames to the end."""
    customer = await at_the_checkpoint(mesh)
    attempt = await customer.begin("yes")
    attempt.acknowledges = False
    reading = asyncio.create_task(attempt.finish())
    await until(lambda: attempt.of("artifact"), "the plan was sent")
    return attempt, reading


def superseded(attempt: pipeline_peers.Attempt) -> turn_run_pb2.SupersedeDecision:
    last = attempt.frames[-1]
    assert last.WhichOneof("frame") == "decision", last
    assert last.decision.action == SUPERSEDE
    decision: turn_run_pb2.SupersedeDecision = last.decision
    return decision


async def test_a_message_before_the_first_phase_supersedes(mesh: pipeline_peers.Mesh) -> None:
    waiting = [pipeline_peers.message("wait")]
    customer = mesh.customer()
    start = customer.start("hello")
    call = mesh.stub(start).RunTurn(timeout=5)
    # Both frames are on their way before the pipeline has read the first.
    await call.write(pb.RunTurnRequest(start=start))
    pending = turn_run_pb2.PendingMessages(messages=waiting)
    await call.write(pb.RunTurnRequest(pending=pending))
    attempt = await pipeline_peers.Attempt(call, start).finish()
    assert list(superseded(attempt).message_ids) == [waiting[0].message_id]


async def test_a_message_during_retrieval_supersedes_at_once(mesh: pipeline_peers.Mesh) -> None:
    mesh.memory.slow_s = 30
    attempt = await mesh.customer().begin("hello")
    reading = asyncio.create_task(attempt.finish())
    await until(lambda: mesh.memory.queries, "recall began")
    ids = await attempt.state("no, wait")
    await asyncio.wait_for(reading, 10)
    decision = superseded(attempt)
    assert list(decision.message_ids) == ids
    assert decision.interrupt_point == event_pb2.INTERRUPT_POINT_PHASE_BOUNDARY


async def test_a_message_during_a_look_up_cuts_it_short(mesh: pipeline_peers.Mesh) -> None:
    mesh.toolbox.held["trace_parcel"] = asyncio.Event()
    attempt = await mesh.customer().begin(TRACE)
    reading = asyncio.create_task(attempt.finish())
    await mesh.toolbox.reached["trace_parcel"].wait()
    await attempt.state("no, order 10003")
    await asyncio.wait_for(reading, 10)
    superseded(attempt)
    await until(lambda: mesh.toolbox.cancelled == ["trace_parcel"], "the look-up was cancelled")


async def test_a_message_while_the_plan_is_stored_supersedes_before_the_effect(
    mesh: pipeline_peers.Mesh,
) -> None:
    attempt, reading = await with_the_plan_sent(mesh)
    await attempt.state("no, stop!")
    await asyncio.wait_for(reading, 10)
    superseded(attempt)
    assert mesh.toolbox.names() == []


async def test_a_message_right_before_the_effect_is_decided_about_there(mesh: pipeline_peers.Mesh) -> None:
    """The message and the acknowledgement arrive together; the look at messages comes last."""
    attempt, reading = await with_the_plan_sent(mesh)
    await attempt.stored("tool_plan")
    await attempt.state("no, stop!")
    await asyncio.wait_for(reading, 10)
    if attempt.frames[-1].WhichOneof("frame") == "result":
        decision = attempt.of("decision")[0]  # the acknowledgement was faster: the money was on its way
        assert decision.action == QUEUE
    else:
        superseded(attempt)
        assert mesh.toolbox.names() == []


async def test_a_message_during_the_effect_is_queued_and_the_turn_goes_on(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.held["refund_order"] = asyncio.Event()
    attempt = await customer.begin("yes")
    reading = asyncio.create_task(attempt.finish())
    await mesh.toolbox.reached["refund_order"].wait()
    ids = await attempt.state("no, stop!")
    mesh.toolbox.held["refund_order"].set()
    await asyncio.wait_for(reading, 5)
    decisions = attempt.of("decision")
    assert [(d.action, list(d.message_ids)) for d in decisions] == [(QUEUE, ids)]
    assert attempt.reply.startswith("Done:")
    assert ids[0] not in attempt.result.answered_message_ids


async def test_a_queue_is_announced_once_per_set_of_messages(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.held["refund_order"] = asyncio.Event()
    attempt = await customer.begin("yes")
    reading = asyncio.create_task(attempt.finish())
    await mesh.toolbox.reached["refund_order"].wait()
    first, second = await attempt.state("one"), await attempt.state("two")
    mesh.toolbox.held["refund_order"].set()
    await asyncio.wait_for(reading, 5)
    announced = [message_id for d in attempt.of("decision") for message_id in d.message_ids]
    assert announced == first + second


async def test_an_intent_superseded_too_often_is_finished_first() -> None:
    async with pipeline_peers.mesh(supersede={"limit": 2}) as mesh:
        mesh.memory.slow_s = 0.3
        attempt = await mesh.customer().begin("hello", supersede_count=2)
        reading = asyncio.create_task(attempt.finish())
        await until(lambda: mesh.memory.queries, "recall began")
        ids = await attempt.state("and another thing")
        await asyncio.wait_for(reading, 5)
        assert [(d.action, list(d.message_ids)) for d in attempt.of("decision")] == [(QUEUE, ids)]
        assert attempt.reply.startswith("Hello!")


async def test_an_order_number_during_retrieval_is_absorbed_and_answered_in_the_same_turn(
    mesh: pipeline_peers.Mesh,
) -> None:
    mesh.memory.slow_s = 0.3
    attempt = await mesh.customer().begin("I want to return my order, it is broken")
    reading = asyncio.create_task(attempt.finish())
    await until(lambda: mesh.memory.queries, "recall began")
    ids = await attempt.state("the order is 10003")
    await asyncio.wait_for(reading, 5)
    decision = attempt.of("decision")[0]
    assert (decision.action, decision.absorb_strategy) == (ABSORB, event_pb2.ABSORB_STRATEGY_RESTART)
    assert "order_id" in decision.reason
    assert list(attempt.result.answered_message_ids)[1:] == ids
    assert "59.90" in attempt.reply
    assert [query.query for query in mesh.memory.queries][1].endswith("10003")


async def test_a_courtesy_during_a_look_up_does_not_cut_it(mesh: pipeline_peers.Mesh) -> None:
    mesh.toolbox.held["trace_parcel"] = asyncio.Event()
    attempt = await mesh.customer().begin(TRACE)
    reading = asyncio.create_task(attempt.finish())
    await mesh.toolbox.reached["trace_parcel"].wait()
    ids = await attempt.state("please!")
    await until(lambda: attempt.of("decision"), "it was decided about")
    mesh.toolbox.held["trace_parcel"].set()
    await asyncio.wait_for(reading, 5)
    assert attempt.of("decision")[0].absorb_strategy == event_pb2.ABSORB_STRATEGY_CONTINUE
    assert list(attempt.result.answered_message_ids)[1:] == ids
    assert mesh.toolbox.names().count("trace_parcel") == 1


async def test_an_absorb_right_before_the_effect_causes_it_once(mesh: pipeline_peers.Mesh) -> None:
    attempt, reading = await with_the_plan_sent(mesh)
    ids = await attempt.state("and thank you for the quick help")
    await until(lambda: len(attempt.of("artifact")) == 2, "a new plan was sent")
    assert mesh.toolbox.names().count("refund_order") == 0
    await attempt.stored("tool_plan")
    await asyncio.wait_for(reading, 5)
    assert attempt.of("decision")[0].action == ABSORB
    assert mesh.toolbox.names().count("refund_order") == 1
    assert list(attempt.result.answered_message_ids)[1:] == ids


async def test_a_channel_may_queue_what_nobody_judges(mesh: pipeline_peers.Mesh) -> None:
    mesh.memory.slow_s = 0.3
    attempt = await mesh.customer().begin("hello", supersede_default=QUEUE)
    reading = asyncio.create_task(attempt.finish())
    await until(lambda: mesh.memory.queries, "recall began")
    ids = await attempt.state("do you sell shoes?")
    await asyncio.wait_for(reading, 5)
    assert [(d.action, list(d.message_ids)) for d in attempt.of("decision")] == [(QUEUE, ids)]
    assert attempt.reply.startswith("Hello!")


async def test_leaving_the_call_ends_the_tool_call_and_leaves_no_task(mesh: pipeline_peers.Mesh) -> None:
    mesh.toolbox.held["trace_parcel"] = asyncio.Event()
    attempt = await mesh.customer().begin(TRACE)
    await mesh.toolbox.reached["trace_parcel"].wait()
    attempt.call.cancel()
    await until(lambda: mesh.toolbox.cancelled == ["trace_parcel"], "the look-up was cancelled")
    await until(lambda: not _turn_tasks(), "no task of the turn is left")


async def test_closing_without_the_awaited_acknowledgement_ends_the_attempt(
    mesh: pipeline_peers.Mesh,
) -> None:
    attempt, reading = await with_the_plan_sent(mesh)
    await attempt.call.done_writing()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await asyncio.wait_for(reading, 5)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert mesh.toolbox.names() == []


def _turn_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() in {"listen", "run"}]
