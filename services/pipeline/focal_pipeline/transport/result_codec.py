"""What the pipeline sends back: events, decisions, artifacts and the result."""

from __future__ import annotations

from focal.common.v1 import usage_pb2
from focal.pipeline.v1 import pipeline_service_pb2, turn_run_pb2
from focal.turn.v1 import event_pb2, turn_pb2
from focal_kernel import canonical_json
from focal_pipeline.core.judge_input import Judgement
from focal_pipeline.domain import turn
from focal_pipeline.transport import state_codec

SCHEMA_VERSION = "1.0"

_ACTIONS = {
    turn.Action.SUPERSEDE: event_pb2.SUPERSEDE_ACTION_SUPERSEDE,
    turn.Action.ABSORB: event_pb2.SUPERSEDE_ACTION_ABSORB,
    turn.Action.QUEUE: event_pb2.SUPERSEDE_ACTION_QUEUE,
    turn.Action.FORCE_COMPLETE: event_pb2.SUPERSEDE_ACTION_FORCE_COMPLETE,
}
_STRATEGIES = {
    None: event_pb2.ABSORB_STRATEGY_UNSPECIFIED,
    turn.AbsorbStrategy.RESTART: event_pb2.ABSORB_STRATEGY_RESTART,
    turn.AbsorbStrategy.CONTINUE: event_pb2.ABSORB_STRATEGY_CONTINUE,
}
_POINTS = {
    turn.InterruptPoint.PRE_PROCESSING: event_pb2.INTERRUPT_POINT_PRE_PROCESSING,
    turn.InterruptPoint.PHASE_BOUNDARY: event_pb2.INTERRUPT_POINT_PHASE_BOUNDARY,
    turn.InterruptPoint.PRE_EFFECT: event_pb2.INTERRUPT_POINT_PRE_EFFECT,
    turn.InterruptPoint.PRE_COMMIT: event_pb2.INTERRUPT_POINT_PRE_COMMIT,
}
_SEVERITIES = {
    turn.Severity.DEBUG: event_pb2.EVENT_SEVERITY_DEBUG,
    turn.Severity.INFO: event_pb2.EVENT_SEVERITY_INFO,
    turn.Severity.WARN: event_pb2.EVENT_SEVERITY_WARN,
    turn.Severity.ERROR: event_pb2.EVENT_SEVERITY_ERROR,
}
_OUTCOMES = {
    turn.Outcome.RESOLVED: turn_pb2.TURN_OUTCOME_RESOLVED,
    turn.Outcome.PARTIAL: turn_pb2.TURN_OUTCOME_PARTIAL,
    turn.Outcome.UNRESOLVED: turn_pb2.TURN_OUTCOME_UNRESOLVED,
    turn.Outcome.REDIRECTED: turn_pb2.TURN_OUTCOME_REDIRECTED,
}


def event_to_proto(event: turn.Event) -> event_pb2.AgentEvent:
    """A fabric event."""
    return event_pb2.AgentEvent(
        category=event.category,
        type=event.type,
        payload_json=canonical_json.dumps(event.payload),
        severity=_SEVERITIES[event.severity],
        schema_version=SCHEMA_VERSION,
    )


def decision_to_proto(decision: turn.Decision) -> turn_run_pb2.SupersedeDecision:
    """A decision about pending messages."""
    return turn_run_pb2.SupersedeDecision(
        action=_ACTIONS[decision.action],
        absorb_strategy=_STRATEGIES[decision.strategy],
        interrupt_point=_POINTS[decision.point],
        reason=decision.reason,
        message_ids=decision.message_ids,
    )


def artifact_to_proto(artifact: turn.Artifact, *, acknowledge: bool = True) -> turn_run_pb2.PhaseArtifact:
    """An artifact: one whose storage is waited for binds its turn, any other is a convenience."""
    return turn_run_pb2.PhaseArtifact(
        name=artifact.name,
        data_json=artifact.data_json,
        input_fingerprint=artifact.input_fingerprint,
        dependency_fingerprint=artifact.dependency_fingerprint,
        acknowledge=acknowledge,
        binding=acknowledge,
    )


def result_to_proto(result: turn.Result) -> turn_run_pb2.TurnResult:
    """The end of a turn."""
    return turn_run_pb2.TurnResult(
        answered_message_ids=result.answered_message_ids,
        reply=[
            turn_pb2.ReplySegment(index=index, text=text, content_type=turn_pb2.CONTENT_TYPE_TEXT)
            for index, text in enumerate(result.reply)
        ],
        outcome=_OUTCOMES[result.outcome],
        mutations=turn_run_pb2.StagedMutations(state=state_codec.to_proto(result.state)),
        config_version=result.config_version,
        matched_rule_ids=result.matched_rule_ids,
        tools=map(_tool_use, result.tools),
        usage=_usage(result.usage),
        commit_point_reached=result.commit_point_reached,
        phase_ms=result.phase_ms,
        expects_more_input=result.expects_more_input,
        left_effect_ids=result.left_effect_ids,
    )


def judgement_to_proto(
    judgement: Judgement | None, usage: turn.Usage
) -> pipeline_service_pb2.JudgeInputResponse:
    """Whether an input is complete; only the cost when nobody judged."""
    if judgement is None:
        return pipeline_service_pb2.JudgeInputResponse(judged=False, usage=_usage(usage))
    return pipeline_service_pb2.JudgeInputResponse(
        judged=True, complete=judgement.complete, confidence=judgement.confidence, usage=_usage(usage)
    )


def _tool_use(use: turn.ToolUse) -> turn_pb2.ToolUse:
    return turn_pb2.ToolUse(
        tool_name=use.tool_name,
        status=use.status,
        effect_id=use.effect_id,
        error_reason=use.error_reason,
    )


def _usage(usage: turn.Usage) -> usage_pb2.Usage:
    return usage_pb2.Usage(
        llm_calls=usage.llm_calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        prompt_characters=usage.prompt_characters,
        models=usage.models,
    )
