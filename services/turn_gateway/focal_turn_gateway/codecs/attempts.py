"""Attempts to the pipeline's frames and its frames back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf import json_format

from focal.pipeline.v1 import pipeline_service_pb2 as pb
from focal.pipeline.v1 import turn_run_pb2
from focal.toolbox.v1 import effect_pb2
from focal.turn.v1 import event_pb2, session_pb2, turn_pb2
from focal_turn_gateway.codecs import values
from focal_turn_gateway.domain.accumulation import Hint
from focal_turn_gateway.domain.events import AgentReported
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.turns import (
    Artifact,
    Attempt,
    Decision,
    ReplySegment,
    SupersedeAction,
    ToolUse,
    TurnResult,
    Usage,
)
from focal_turn_gateway.ports.pipeline import OfferedArtifact, PipelineFrame, Text


def start_to_proto(
    attempt: Attempt, effects: tuple[bytes, ...], supersede_default: SupersedeAction | None = None
) -> turn_run_pb2.TurnStart:
    """The first frame of a run; `supersede_default` is the channel's."""
    return turn_run_pb2.TurnStart(
        turn_id=attempt.turn_id,
        turn_group_id=attempt.turn_group_id,
        attempt=attempt.attempt,
        epoch=attempt.epoch,
        cause=values.to_enum(turn_pb2.TurnCause, attempt.cause),
        messages=[values.message_to_proto(message) for message in attempt.messages],
        session=_snapshot(attempt),
        artifacts=[
            turn_run_pb2.PhaseArtifact(
                name=artifact.name,
                data_json=artifact.data_json,
                input_fingerprint=artifact.input_fingerprint,
                dependency_fingerprint=artifact.dependency_fingerprint,
                binding=artifact.binding,
            )
            for artifact in attempt.artifacts
        ],
        prior_effects=[effect_pb2.Effect.FromString(effect) for effect in effects],
        supersede_count=attempt.supersede_count,
        trigger_json=attempt.trigger_json,
        wants_text_deltas=True,
        supersede_default=values.to_enum(event_pb2.SupersedeAction, supersede_default or "UNSPECIFIED"),
    )


def pending_to_proto(messages: Sequence[Message]) -> turn_run_pb2.PendingMessages:
    """The fact that messages arrived."""
    return turn_run_pb2.PendingMessages(messages=[values.message_to_proto(message) for message in messages])


def stored_to_proto(name: str) -> turn_run_pb2.ArtifactStored:
    """The word that an artifact is durable."""
    return turn_run_pb2.ArtifactStored(name=name)


def frame_from_proto(response: pb.RunTurnResponse) -> PipelineFrame:
    """What the pipeline says. An unknown frame is a contract this gateway does not speak: ValueError."""
    kind = response.WhichOneof("frame")
    decode = _FRAMES.get(kind or "")
    if decode is None:
        raise ValueError(f"unknown frame {kind}")
    return decode(getattr(response, str(kind)))


def _snapshot(attempt: Attempt) -> turn_run_pb2.SessionSnapshot:
    snapshot = turn_run_pb2.SessionSnapshot(
        session_id=attempt.session_id,
        agent_id=attempt.agent_id,
        customer_id=attempt.customer_id,
        channel=attempt.channel,
        config_version=attempt.config_version,
        state=values.state_to_proto(attempt.state),
    )
    for exchange in attempt.history:
        item = snapshot.history.add(customer_text=exchange.customer_text, reply_text=exchange.reply_text)
        item.at.FromDatetime(exchange.at)
    return snapshot


def _event(event: event_pb2.AgentEvent) -> AgentReported:
    return AgentReported(
        event.category,
        event.type,
        event.payload_json,
        values.from_enum(event_pb2.EventSeverity, event.severity),
        event.schema_version,
    )


def _artifact(artifact: turn_run_pb2.PhaseArtifact) -> OfferedArtifact:
    return OfferedArtifact(
        Artifact(
            artifact.name,
            artifact.data_json,
            artifact.input_fingerprint,
            artifact.dependency_fingerprint,
            artifact.binding,
        ),
        artifact.acknowledge,
    )


def _decision(decision: turn_run_pb2.SupersedeDecision) -> Decision:
    return Decision(
        SupersedeAction(values.from_enum(event_pb2.SupersedeAction, decision.action)),
        values.from_enum(event_pb2.AbsorbStrategy, decision.absorb_strategy),
        values.from_enum(event_pb2.InterruptPoint, decision.interrupt_point),
        decision.reason,
        tuple(decision.message_ids),
    )


def _result(result: turn_run_pb2.TurnResult) -> TurnResult:
    return TurnResult(
        answered_message_ids=tuple(result.answered_message_ids),
        reply=tuple(
            ReplySegment(
                segment.index,
                segment.text,
                values.from_enum(turn_pb2.ContentType, segment.content_type),
                segment.structured_json,
            )
            for segment in result.reply
        ),
        outcome=values.from_enum(turn_pb2.TurnOutcome, result.outcome),
        state=_state(result.mutations.state),
        config_version=result.config_version,
        matched_rule_ids=tuple(result.matched_rule_ids),
        tools=tuple(
            ToolUse(tool.tool_name, tool.status, tool.effect_id, tool.error_reason) for tool in result.tools
        ),
        usage=Usage(
            result.usage.llm_calls,
            result.usage.prompt_tokens,
            result.usage.completion_tokens,
            result.usage.prompt_characters,
            tuple(result.usage.models),
        ),
        commit_point_reached=result.commit_point_reached,
        phase_ms={phase: round(spent, 3) for phase, spent in result.phase_ms.items()},
        hint=_hint(result.mutations.state.accumulation_hint),
        left_effect_ids=tuple(result.left_effect_ids),
    )


def _hint(hint: session_pb2.AccumulationHint) -> Hint:
    """All of the state that the gateway reads: what the wait for the next message depends on."""
    return Hint(
        hint.awaiting_required_field,
        hint.expects_followup,
        hint.input_complete_confidence,
        hint.expected_input_type,
    )


def _state(state: session_pb2.SessionState) -> str:
    return json_format.MessageToJson(state, indent=None)


def _text(text: pb.RunTurnText) -> Text:
    return Text(text.sequence, text.text)


_FRAMES: dict[str, Callable[[Any], PipelineFrame]] = {
    "event": _event,
    "text": _text,
    "artifact": _artifact,
    "decision": _decision,
    "result": _result,
}
