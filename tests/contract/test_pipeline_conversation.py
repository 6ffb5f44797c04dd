"""The example agent in conversation: real gRPC, no language model."""

import json
from collections.abc import AsyncIterator

import grpc.aio
import pytest

from focal.config.v1 import bundle_pb2
from focal.pipeline.v1 import pipeline_service_pb2 as pb
from focal.pipeline.v1 import turn_run_pb2
from focal.pipeline.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from focal.toolbox.v1 import tool_pb2
from focal.turn.v1 import session_pb2, turn_pb2
from focal_service_kit import errors as rpc_errors
from tests.fakes import compiled_bundle, pipeline_peers
from tests.fakes.until import until

QUESTION = "Shall I refund 59.90 EUR for order 10003?"


@pytest.fixture
async def mesh() -> AsyncIterator[pipeline_peers.Mesh]:
    async with pipeline_peers.mesh() as running:
        yield running


async def test_a_burst_becomes_one_reply(mesh: pipeline_peers.Mesh) -> None:
    attempt = await mesh.customer().say("hi", "I'd like to return order 10003")
    assert list(attempt.result.answered_message_ids) == [m.message_id for m in attempt.start.messages]
    assert attempt.reply.startswith("Why would you like to return it")
    assert attempt.result.outcome == turn_pb2.TURN_OUTCOME_PARTIAL
    assert attempt.result.expects_more_input


async def test_a_return_runs_from_the_wish_to_the_money(mesh: pipeline_peers.Mesh) -> None:
    customer = mesh.customer()
    await customer.say("I'd like to return an order")
    await customer.say("10003")
    assert QUESTION in (await customer.say("it is broken")).reply
    last = await customer.say("yes please")
    assert last.reply.startswith("Done: I have refunded 59.90 EUR for order 10003 (refund rf_1).")
    assert mesh.toolbox.names().count("refund_order") == 1
    assert last.result.commit_point_reached
    assert [i.status for i in customer.state.scenarios] == [session_pb2.SCENARIO_STATUS_COMPLETED]
    assert last.events("scenario.completed") == [{"scenario": "return_order", "step": "refund"}]


async def test_everything_said_at_once_still_stops_at_the_checkpoint(mesh: pipeline_peers.Mesh) -> None:
    attempt = await mesh.customer().say("Yes, I want to return order 10003 because it is broken. Yes!")
    assert QUESTION in attempt.reply
    assert "refund_order" not in mesh.toolbox.names()


async def test_an_order_that_cannot_come_back_is_found_out_though_everything_was_said_at_once(
    mesh: pipeline_peers.Mesh,
) -> None:
    shipped = json.dumps({**pipeline_peers.ORDER, "status": "shipped"})
    mesh.toolbox.answers["get_order"] = {"result_json": shipped}
    await mesh.customer().say("I want to return order 10003, it is broken")
    assert mesh.toolbox.names() == ["get_order"]


async def test_a_no_at_the_checkpoint_pays_nothing(mesh: pipeline_peers.Mesh) -> None:
    customer = mesh.customer()
    await customer.say("I want to return order 10003, it is broken")
    assert (await customer.say("no, I'll keep it")).reply.startswith("All right, no refund then.")
    assert "refund_order" not in mesh.toolbox.names()


async def test_a_question_on_the_way_is_answered_and_the_open_one_repeated(mesh: pipeline_peers.Mesh) -> None:
    customer = mesh.customer()
    await customer.say("I want to return order 10003, it is broken")
    reply = (await customer.say("when do I get my money?")).reply
    assert "within three working days" in reply
    assert reply.endswith("Please answer yes or no.")
    assert mesh.toolbox.names().count("create_return_label") == 1, "what succeeded on a step runs once"


async def test_an_order_that_does_not_exist_is_asked_for_again(mesh: pipeline_peers.Mesh) -> None:
    mesh.toolbox.answers["get_order"] = {
        "status": tool_pb2.TOOL_STATUS_ERROR,
        "error_reason": "order_not_found",
    }
    customer = mesh.customer()
    reply = (await customer.say("I want to return order 99999")).reply
    assert reply.startswith("I am sorry, I could not find anything under that.")
    assert "What is the order number?" in reply
    del mesh.toolbox.answers["get_order"]
    assert "Why would you like to return it" in (await customer.say("sorry, 10003")).reply


async def test_an_exclusive_template_is_shown_whole_and_costs_no_model(mesh: pipeline_peers.Mesh) -> None:
    customer = mesh.customer()
    await customer.say("I want to return order 10003, it is broken")
    last = await customer.say("yes")
    assert last.shown == last.reply
    assert last.result.usage.llm_calls == 0
    assert not last.result.usage.models


async def test_the_offline_model_says_that_it_answered(mesh: pipeline_peers.Mesh) -> None:
    assert list((await mesh.customer().say("hello")).result.usage.models) == ["offline"]


async def test_what_nobody_understands_gets_the_fallback_text(mesh: pipeline_peers.Mesh) -> None:
    attempt = await mesh.customer().say("zzz qqq")
    assert attempt.reply.startswith("I am sorry, I cannot")
    assert attempt.result.outcome == turn_pb2.TURN_OUTCOME_UNRESOLVED


async def test_a_rule_that_may_fire_once_fires_once(mesh: pipeline_peers.Mesh) -> None:
    customer = mesh.customer()
    assert "greeting" in (await customer.say("hello")).result.matched_rule_ids
    assert "greeting" not in (await customer.say("hello")).result.matched_rule_ids


async def test_phases_that_ran_are_timed_by_name(mesh: pipeline_peers.Mesh) -> None:
    attempt = await mesh.customer().say("hello")
    assert set(attempt.result.phase_ms) == {"P1", "P4", "P5", "P6", "P7", "P8", "P9", "P11"}


async def test_events_hold_ids_and_no_customer_text(mesh: pipeline_peers.Mesh) -> None:
    attempt = await mesh.customer().say("I want to return order 10003, it is broken")
    assert attempt.events()[0] == "infra.brain.started"
    assert attempt.events()[-1] == "infra.brain.completed"
    assert not any("10003" in event.payload_json for event in attempt.of("event"))


async def test_recalled_words_are_repeated_when_asked_for(mesh: pipeline_peers.Mesh) -> None:
    mesh.memory.said = ["My dog is called Bello"]
    reply = (await mesh.customer().say("do you remember what I told you earlier?")).reply
    assert "“My dog is called Bello”" in reply
    assert mesh.memory.queries[0].customer_id == "cus_1"


async def test_memory_being_down_costs_the_recall_and_not_the_turn(mesh: pipeline_peers.Mesh) -> None:
    mesh.memory.down = True
    attempt = await mesh.customer().say("hello")
    assert attempt.reply.startswith("Hello!")
    assert attempt.events("memory.degraded") == [{"reason": "unavailable"}]


async def test_slow_memory_is_not_awaited() -> None:
    async with pipeline_peers.mesh(memory={"timeout_s": 0.05}) as mesh:
        mesh.memory.slow_s = 5
        attempt = await mesh.customer().say("hello")
        assert attempt.events("memory.degraded") == [{"reason": "deadline_exceeded"}]
        assert attempt.result.phase_ms["P4"] < 2000


async def test_turns_go_on_while_config_is_away_after_the_start(mesh: pipeline_peers.Mesh) -> None:
    customer = mesh.customer()
    await customer.say("hello")
    await mesh.stop("config_watcher")
    assert (await customer.say("what are your opening hours?")).reply.startswith("We answer")
    assert (await mesh.customer().say("hello")).reply.startswith("Hello!")


async def test_a_live_session_keeps_its_version_and_a_new_one_gets_the_new(mesh: pipeline_peers.Mesh) -> None:
    living = mesh.customer()
    await living.say("hello")
    mesh.config.publish(
        await compiled_bundle.compiled(
            edit=lambda _, text: text.replace("We answer from 9", "We answer from 7")
        )
    )
    await until(lambda: mesh.config.fetched == [1, 2], "the new version is fetched ahead")
    assert "from 9" in (await living.say("what are your opening hours?")).reply

    async def new_session_sees_it() -> bool:
        return "from 7" in (await mesh.customer().say("what are your opening hours?")).reply

    await until(new_session_sees_it, "new sessions use the new version")


async def test_a_bundle_that_does_not_match_its_checksum_is_refused(mesh: pipeline_peers.Mesh) -> None:
    mesh.config.versions[0].parts["rules"] += b" "
    manifest = mesh.config._manifest

    def damaged(version: int, bundle: object) -> bundle_pb2.BundleManifest:
        made = manifest(version, bundle)
        made.parts[0].sha256 = "0" * 64
        return made

    mesh.config._manifest = damaged  # type: ignore[method-assign]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.customer().say("hello")
    assert rpc_errors.from_rpc(caught.value).reason == "INVALID_BUNDLE"


async def test_an_unknown_agent_is_refused_with_its_reason(mesh: pipeline_peers.Mesh) -> None:
    session = turn_run_pb2.SessionSnapshot(session_id="ses_1", agent_id="nobody")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.customer().say("hello", session=session)
    assert rpc_errors.from_rpc(caught.value).reason == "AGENT_NOT_FOUND"


async def test_a_stream_that_does_not_open_with_start_is_refused(mesh: pipeline_peers.Mesh) -> None:
    call = mesh.stub().RunTurn(timeout=5)
    await call.write(pb.RunTurnRequest(pending=turn_run_pb2.PendingMessages()))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert rpc_errors.from_rpc(caught.value).reason == "STREAM_PROTOCOL"


async def test_a_second_start_ends_the_attempt(mesh: pipeline_peers.Mesh) -> None:
    mesh.memory.slow_s = 1
    customer = mesh.customer()
    attempt = await customer.begin("hello")
    await attempt.call.write(pb.RunTurnRequest(start=attempt.start))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await attempt.finish()
    assert rpc_errors.from_rpc(caught.value).reason == "STREAM_PROTOCOL"


async def test_a_start_without_ids_is_refused(mesh: pipeline_peers.Mesh) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.customer().say("hello", turn_id="")
    error = rpc_errors.from_rpc(caught.value)
    assert error.reason == "INVALID_FIELD"
    assert error.violations[0].field == "start.turn_id"


async def test_a_tenant_may_not_run_turns_himself(mesh: pipeline_peers.Mesh) -> None:
    stub = PipelineServiceStub(mesh.running.channel())
    call = stub.RunTurn(timeout=5)
    await call.write(pb.RunTurnRequest(start=mesh.customer().start("hello")))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert rpc_errors.from_rpc(caught.value).reason == "INSUFFICIENT_PERMISSIONS"


async def test_describe_agent_names_the_offline_model(mesh: pipeline_peers.Mesh) -> None:
    found = await mesh.stub().DescribeAgent(pb.DescribeAgentRequest(agent_id=pipeline_peers.AGENT), timeout=5)
    assert list(found.model_chain) == ["offline"]
    assert found.version == 1
    assert found.embedding_model == "hashed-v1/384"
    assert found.tools == 6
    assert list(found.tools_not_enabled) == ["find_refund"]
    assert found.scenarios == 1


async def test_simulation_is_not_part_of_this_release(mesh: pipeline_peers.Mesh) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.stub().SimulateTurn(pb.SimulateTurnRequest(), timeout=5)
    assert rpc_errors.from_rpc(caught.value).reason == "NOT_IMPLEMENTED"
