import pytest

from focal.pipeline.v1 import pipeline_service_pb2 as pb
from focal.pipeline.v1 import turn_run_pb2
from focal.toolbox.v1 import effect_pb2
from focal.turn.v1 import event_pb2, session_pb2, turn_pb2
from focal_turn_gateway.codecs import attempts, values
from focal_turn_gateway.domain.accumulation import Hint
from focal_turn_gateway.domain.events import AgentReported
from focal_turn_gateway.domain.turns import (
    Artifact,
    Decision,
    Exchange,
    ReplySegment,
    SupersedeAction,
    ToolUse,
    TurnResult,
    Usage,
)
from focal_turn_gateway.ports.pipeline import OfferedArtifact, Text
from tests.fakes.turn_gateway import NOW, attempt, message


def test_an_attempt_starts_with_all_that_it_knows() -> None:
    effect = effect_pb2.Effect(effect_id="eff_1")
    start = attempts.start_to_proto(
        attempt(
            message(1, "one"),
            message(2, "two"),
            number=3,
            state='{"turnIndex": 4}',
            supersede_count=2,
            history=(Exchange("hi", "hello", NOW),),
            artifacts=(Artifact("plan", "{}", "in", "dep"),),
        ),
        (effect.SerializeToString(),),
    )
    assert (start.turn_id, start.turn_group_id, start.attempt, start.epoch) == ("trn_1", "grp_1", 3, 3)
    assert start.cause == turn_pb2.TURN_CAUSE_MESSAGE
    assert [one.text for one in start.messages] == ["one", "two"]
    assert (start.session.agent_id, start.session.customer_id, start.session.channel) == (
        "desk",
        "cus_1",
        "web",
    )
    assert (start.session.config_version, start.session.state.turn_index) == (7, 4)
    assert [(past.customer_text, past.reply_text) for past in start.session.history] == [("hi", "hello")]
    [artifact] = start.artifacts
    assert (
        artifact.name,
        artifact.data_json,
        artifact.input_fingerprint,
        artifact.dependency_fingerprint,
    ) == (
        "plan",
        "{}",
        "in",
        "dep",
    )
    assert list(start.prior_effects) == [effect]
    assert (start.supersede_count, start.wants_text_deltas) == (2, True)


def test_facts_are_stated_as_they_are() -> None:
    pending = attempts.pending_to_proto([message(2, "two")])
    assert [one.message_id for one in pending.messages] == ["msg_2"]
    assert attempts.stored_to_proto("plan").name == "plan"


def test_every_frame_of_the_pipeline_is_understood() -> None:
    frames = [
        pb.RunTurnResponse(text=pb.RunTurnText(sequence=2, text="hi")),
        pb.RunTurnResponse(
            artifact=turn_run_pb2.PhaseArtifact(
                name="plan",
                data_json="{}",
                input_fingerprint="in",
                dependency_fingerprint="dep",
                acknowledge=True,
            )
        ),
        pb.RunTurnResponse(
            event=event_pb2.AgentEvent(
                category="tool",
                type="done",
                payload_json="{}",
                severity=event_pb2.EVENT_SEVERITY_WARN,
                schema_version="1.0",
            )
        ),
        pb.RunTurnResponse(
            decision=turn_run_pb2.SupersedeDecision(
                action=event_pb2.SUPERSEDE_ACTION_ABSORB,
                absorb_strategy=event_pb2.ABSORB_STRATEGY_CONTINUE,
                interrupt_point=event_pb2.INTERRUPT_POINT_PRE_COMMIT,
                reason="why",
                message_ids=["msg_2"],
            )
        ),
    ]
    assert [attempts.frame_from_proto(frame) for frame in frames] == [
        Text(2, "hi"),
        OfferedArtifact(Artifact("plan", "{}", "in", "dep"), acknowledge=True),
        AgentReported("tool", "done", "{}", "WARN", "1.0"),
        Decision(SupersedeAction.ABSORB, "CONTINUE", "PRE_COMMIT", "why", ("msg_2",)),
    ]
    known = {field.name for field in pb.RunTurnResponse.DESCRIPTOR.fields}
    assert known == {"event", "text", "artifact", "decision", "result"}


def test_a_result_comes_whole_and_its_state_goes_back_as_it_came() -> None:
    hint = session_pb2.AccumulationHint(
        awaiting_required_field=True,
        expects_followup=True,
        input_complete_confidence=0.5,
        expected_input_type="order_id",
    )
    state = session_pb2.SessionState(turn_index=5, accumulation_hint=hint)
    encoded = turn_run_pb2.TurnResult(
        answered_message_ids=["msg_1"],
        reply=[turn_pb2.ReplySegment(index=0, text="hi", content_type=turn_pb2.CONTENT_TYPE_TEXT)],
        outcome=turn_pb2.TURN_OUTCOME_RESOLVED,
        mutations=turn_run_pb2.StagedMutations(state=state),
        config_version=9,
        matched_rule_ids=["rul_1"],
        tools=[turn_pb2.ToolUse(tool_name="refund", status="DONE", effect_id="eff_1")],
        commit_point_reached=True,
        phase_ms={"P1": 1.23456},
    )
    encoded.usage.llm_calls = 2
    encoded.usage.models.append("offline")
    decoded = attempts.frame_from_proto(pb.RunTurnResponse(result=encoded))
    assert isinstance(decoded, TurnResult)
    assert decoded == TurnResult(
        answered_message_ids=("msg_1",),
        reply=(ReplySegment(0, "hi"),),
        outcome="RESOLVED",
        state=decoded.state,
        config_version=9,
        matched_rule_ids=("rul_1",),
        tools=(ToolUse("refund", "DONE", "eff_1"),),
        usage=Usage(llm_calls=2, models=("offline",)),
        commit_point_reached=True,
        phase_ms={"P1": 1.235},
        hint=Hint(True, True, 0.5, "order_id"),
    )
    assert values.state_to_proto(decoded.state or "") == state


def test_a_frame_that_this_release_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown frame"):
        attempts.frame_from_proto(pb.RunTurnResponse())
