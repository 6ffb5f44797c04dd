"""Plans before effects, the same plan again, and honest words about what nobody knows."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.pipeline.v1 import turn_run_pb2
from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.turn.v1 import session_pb2, turn_pb2
from focal_kernel import errors
from focal_service_kit import errors as rpc_errors
from tests.fakes import compiled_bundle, pipeline_peers
from tests.fakes.until import until

IN_DOUBT = {"status": tool_pb2.TOOL_STATUS_IN_DOUBT, "error_reason": "timeout"}
STARTED = {"status": tool_pb2.TOOL_STATUS_STARTED}
FAILED = {"status": tool_pb2.TOOL_STATUS_ERROR, "error_reason": "already_refunded"}


@pytest.fixture
async def mesh() -> AsyncIterator[pipeline_peers.Mesh]:
    async with pipeline_peers.mesh(tools={"unavailable_s": 0.5}) as running:
        yield running


async def at_the_checkpoint(mesh: pipeline_peers.Mesh) -> pipeline_peers.Customer:
    customer = mesh.customer()
    await customer.say("I want to return order 10003, it is broken")
    mesh.toolbox.calls.clear()
    return customer


def plan_of(attempt: pipeline_peers.Attempt) -> turn_run_pb2.PhaseArtifact:
    found = attempt.of("artifact")
    assert [artifact.name for artifact in found] == ["tool_plan"]
    artifact: turn_run_pb2.PhaseArtifact = found[0]
    return artifact


async def test_the_plan_is_acknowledged_before_the_first_effect(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    attempt = await customer.begin("yes")
    attempt.acknowledges = False
    reading = asyncio.create_task(attempt.finish())
    await until(lambda: attempt.of("artifact"), "the plan was sent")
    assert plan_of(attempt).acknowledge
    assert mesh.toolbox.names() == []
    data = json.loads(plan_of(attempt).data_json)
    assert data["bundle_version"] == 1
    assert [call["tool"] for call in data["calls"]] == ["refund_order"]
    assert json.loads(data["calls"][0]["arguments"]) == {"order_id": "10003", "amount": "59.90"}
    await attempt.stored("tool_plan")
    await reading
    assert mesh.toolbox.names() == ["refund_order"]


async def test_look_ups_need_no_plan(mesh: pipeline_peers.Mesh) -> None:
    attempt = await mesh.customer().say("where is my order 10003?")
    assert mesh.toolbox.names() == ["get_order"]
    assert not attempt.of("artifact")


async def test_effects_are_made_in_the_attempts_name(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    attempt = await customer.say("yes")
    context = mesh.toolbox.calls[0].context
    assert context.turn_group_id == attempt.start.turn_group_id
    assert context.turn_id == attempt.start.turn_id
    assert context.epoch == attempt.start.epoch
    assert context.config_version == 1
    assert context.no_pending_messages


async def test_another_attempt_carries_out_the_stored_plan_unchanged(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    first = await customer.begin("yes")
    await first.finish()
    call = mesh.toolbox.calls[0].call
    again = turn_run_pb2.TurnStart()
    again.CopyFrom(first.start)
    again.attempt, again.epoch = 2, 99
    again.artifacts.append(plan_of(first))
    again.prior_effects.append(refund(effect_pb2.EFFECT_STATE_DONE))
    again.messages.append(pipeline_peers.message("no! keep it, order 10005 instead"))
    mesh.config.publish(
        await compiled_bundle.compiled(edit=lambda _, text: text.replace("Done: I", "New: I"))
    )
    mesh.toolbox.answers["refund_order"] = {"status": tool_pb2.TOOL_STATUS_CACHED}
    second = await (await customer.attempt(again)).finish()
    assert mesh.toolbox.calls[1].call == call
    assert second.reply == first.reply
    assert list(second.result.answered_message_ids) == [first.start.messages[0].message_id]
    assert second.result.tools[0].status == "cached"
    assert second.result.commit_point_reached
    assert not second.of("artifact"), "the plan is durable already"


async def test_a_plan_made_for_other_messages_is_not_followed_while_nothing_happened(
    mesh: pipeline_peers.Mesh,
) -> None:
    customer = await at_the_checkpoint(mesh)
    first = await (await customer.begin("yes")).finish()
    mesh.toolbox.calls.clear()
    second = await customer.say("no", artifacts=[plan_of(first)])
    assert second.reply.startswith("All right, no refund then.")
    assert mesh.toolbox.names() == []


async def test_an_effect_in_doubt_is_neither_called_done_nor_rejected(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = IN_DOUBT
    attempt = await customer.say("yes")
    assert "We are checking" in attempt.reply
    assert "Done" not in attempt.reply
    assert attempt.result.outcome == turn_pb2.TURN_OUTCOME_PARTIAL
    assert [tool.status for tool in attempt.result.tools] == ["in_doubt"]
    instance = customer.state.scenarios[-1]
    assert (instance.current_step_id, instance.status) == ("refund", session_pb2.SCENARIO_STATUS_ACTIVE)


async def test_the_next_turn_asks_for_the_same_effect_and_not_for_another(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = IN_DOUBT
    doubtful = await customer.say("yes")
    still = await customer.say("what are your opening hours?")
    assert "We answer from 9" in still.reply
    assert "We are checking" in still.reply
    mesh.toolbox.answers["refund_order"] = {"status": tool_pb2.TOOL_STATUS_CACHED}
    resolved = await customer.say("any news?")
    assert resolved.reply.startswith("Done:")
    groups = {call.context.turn_group_id for call in mesh.toolbox.calls}
    assert groups == {doubtful.start.turn_group_id}
    assert customer.state.scenarios[-1].status == session_pb2.SCENARIO_STATUS_COMPLETED


def reported(status: str, **told: Any) -> dict[str, Any]:
    """The start of a turn that the report on the refund opens."""
    payload = {"tool": "refund_order", "effect_id": "eff_1", "status": status, **told}
    text = "The result of refund_order has come."
    return {
        "cause": turn_pb2.TURN_CAUSE_TOOL_RESULT,
        "trigger_json": json.dumps({**payload, "text": text}),
    }


async def test_what_was_taken_on_is_said_and_goes_on_when_it_is_reported(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = STARTED
    first = await customer.say("yes")
    assert "I have passed this on" in first.reply
    assert "Done" not in first.reply
    assert first.result.outcome == turn_pb2.TURN_OUTCOME_PARTIAL
    assert customer.state.scenarios[-1].status == session_pb2.SCENARIO_STATUS_ACTIVE
    mesh.toolbox.answers["refund_order"] = {"status": tool_pb2.TOOL_STATUS_CACHED}
    followed = await customer.say(**reported("SUCCESS", result={"refund_id": "rf_1", "amount": "59.90"}))
    assert followed.reply.startswith("Done:")
    assert "59.90" in followed.reply
    assert customer.state.scenarios[-1].status == session_pb2.SCENARIO_STATUS_COMPLETED
    asked = [(call.context.turn_group_id, call.call.no_retry) for call in mesh.toolbox.calls]
    assert asked == [(first.start.turn_group_id, False), (first.start.turn_group_id, True)]


async def test_a_late_failure_is_told_and_not_tried_again(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = STARTED
    await customer.say("yes")
    mesh.toolbox.answers["refund_order"] = FAILED
    followed = await customer.say(**reported("ERROR", reason="already_refunded"))
    assert "did not go through" in followed.reply
    assert customer.state.scenarios[-1].status == session_pb2.SCENARIO_STATUS_CANCELLED
    assert mesh.toolbox.calls[-1].call.no_retry
    mesh.toolbox.calls.clear()
    await customer.say("thanks")
    assert mesh.toolbox.calls == []


async def test_a_late_result_that_no_step_waits_for_is_told(mesh: pipeline_peers.Mesh) -> None:
    customer = mesh.customer()
    await customer.say("hello")
    mesh.toolbox.calls.clear()
    told = await customer.say(**reported("SUCCESS", result={"refund_id": "rf_1"}))
    assert "finished: it went through" in told.reply
    failed = await customer.say(**reported("ERROR", reason="already_refunded"))
    assert "that did not go through" in failed.reply
    assert failed.result.outcome == turn_pb2.TURN_OUTCOME_UNRESOLVED
    assert mesh.toolbox.calls == []
    assert not customer.state.scenarios


async def test_a_key_blocked_by_an_older_doubt_is_told_as_doubt(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    refused = {"status": tool_pb2.TOOL_STATUS_REFUSED, "error_reason": "EFFECT_IN_DOUBT"}
    mesh.toolbox.answers["refund_order"] = {**refused, "commit_point_reached": False}
    attempt = await customer.say("yes")
    assert "We are checking" in attempt.reply
    assert attempt.events("policy.refused") == [{"tool": "refund_order", "reason": "EFFECT_IN_DOUBT"}]


async def test_an_effect_that_failed_is_not_called_done_and_not_repeated_without_a_new_yes(
    mesh: pipeline_peers.Mesh,
) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = FAILED
    attempt = await customer.say("yes")
    assert "did not go through" in attempt.reply
    assert attempt.result.outcome == turn_pb2.TURN_OUTCOME_UNRESOLVED
    assert customer.state.scenarios[-1].status == session_pb2.SCENARIO_STATUS_CANCELLED
    await customer.say("thanks, bye")
    assert mesh.toolbox.names() == ["refund_order"]


async def test_a_bundle_words_doubt_itself(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = IN_DOUBT
    assert (await customer.say("yes")).reply.startswith("I have asked for the refund of 59.90 EUR")


async def test_a_toolbox_that_comes_back_in_time_is_asked_again(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = grpc.StatusCode.UNAVAILABLE

    def back_after_two(_request: Any) -> None:
        if len(mesh.toolbox.calls) == 2:
            mesh.toolbox.answers.clear()

    mesh.toolbox.before = back_after_two
    assert (await customer.say("yes")).reply.startswith("Done:")
    assert len({call.call.SerializeToString() for call in mesh.toolbox.calls}) == 1


async def test_a_toolbox_that_stays_away_leaves_an_effect_in_doubt(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = grpc.StatusCode.UNAVAILABLE
    attempt = await customer.say("yes")
    assert "We are checking" in attempt.reply
    assert attempt.result.commit_point_reached


async def test_a_fenced_attempt_stops(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = errors.Aborted("FENCED", "too old")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await customer.say("yes")
    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert rpc_errors.from_rpc(caught.value).reason == "FENCED"


ASKS = {
    "status": tool_pb2.TOOL_STATUS_REFUSED,
    "error_reason": "CONFIRMATION_REQUIRED",
    "commit_point_reached": False,
    "confirmation": tool_pb2.Confirmation(
        confirmation_id="cnf_1", prompt="Pay 59.90 for 10003?", approver=tool_pb2.APPROVER_CUSTOMER
    ),
}


async def test_a_yes_is_recorded_in_the_attempts_name_and_the_same_call_made_again(
    mesh: pipeline_peers.Mesh,
) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = ASKS
    asked = await customer.say("yes")
    assert asked.reply.endswith("Pay 59.90 for 10003?")
    assert not asked.result.commit_point_reached
    (event,) = asked.events("tool.confirmation.requested")
    assert (event["confirmation_id"], event["approver"]) == ("cnf_1", "customer")
    assert customer.state.waiting_call.confirmation_id == "cnf_1"
    mesh.toolbox.answers["Confirm"] = grpc.StatusCode.UNAVAILABLE
    paid = await customer.say("Yes, please")
    assert paid.reply.startswith("Done:")
    first, again = mesh.toolbox.confirmed
    assert (first.session_id, first.confirmation_id, first.accepted) == (
        asked.start.session.session_id,
        "cnf_1",
        True,
    )
    assert first.turn_group_id == paid.start.turn_group_id
    assert first == again, "a toolbox that was away is told again"
    assert len({call.call.arguments_json for call in mesh.toolbox.calls}) == 1
    assert not customer.state.HasField("waiting_call")


async def test_an_answer_that_comes_too_late_is_told_by_the_call(mesh: pipeline_peers.Mesh) -> None:
    customer = await at_the_checkpoint(mesh)
    mesh.toolbox.answers["refund_order"] = ASKS
    await customer.say("yes")
    mesh.toolbox.answers["Confirm"] = grpc.StatusCode.FAILED_PRECONDITION
    assert (await customer.say("yes")).reply.endswith("Pay 59.90 for 10003?")


def refund(state: effect_pb2.EffectState.ValueType) -> effect_pb2.Effect:
    return effect_pb2.Effect(
        tool_name="refund_order", policy=policies.SIDE_EFFECT_POLICY_IRREVERSIBLE, state=state
    )
