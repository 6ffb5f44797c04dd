"""What the gateway sends: the start of a turn and messages that arrive meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.pipeline.v1 import turn_run_pb2
from focal.toolbox.v1 import effect_pb2
from focal.turn.v1 import event_pb2, message_pb2, turn_pb2
from focal_kernel import canonical_json, errors
from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.turn import Action, Artifact, Cause, Exchange, Message, PriorEffect, Turn
from focal_pipeline.transport import state_codec

MAX_TEXTS = 100

_CAUSES = {
    turn_pb2.TURN_CAUSE_TOOL_RESULT: Cause.TOOL_RESULT,
    turn_pb2.TURN_CAUSE_TIMER: Cause.TIMER,
    turn_pb2.TURN_CAUSE_OPERATOR: Cause.OPERATOR,
    turn_pb2.TURN_CAUSE_EFFECT_RESOLVED: Cause.EFFECT_RESOLVED,
    turn_pb2.TURN_CAUSE_CONFIRMATION: Cause.CONFIRMATION,
}
_DEFAULTS = {
    event_pb2.SUPERSEDE_ACTION_SUPERSEDE: Action.SUPERSEDE,
    event_pb2.SUPERSEDE_ACTION_ABSORB: Action.ABSORB,
    event_pb2.SUPERSEDE_ACTION_QUEUE: Action.QUEUE,
    event_pb2.SUPERSEDE_ACTION_FORCE_COMPLETE: Action.FORCE_COMPLETE,
}
_POLICIES = {
    policies.SIDE_EFFECT_POLICY_PURE: SideEffect.PURE,
    policies.SIDE_EFFECT_POLICY_IDEMPOTENT: SideEffect.IDEMPOTENT,
    policies.SIDE_EFFECT_POLICY_COMPENSATABLE: SideEffect.COMPENSATABLE,
}
_UNCHANGED = {
    effect_pb2.EFFECT_STATE_FAILED,
    effect_pb2.EFFECT_STATE_COMPENSATING,
    effect_pb2.EFFECT_STATE_COMPENSATED,
}
_DOUBTFUL = {
    effect_pb2.EFFECT_STATE_PREPARED,
    effect_pb2.EFFECT_STATE_ACCEPTED,
    effect_pb2.EFFECT_STATE_IN_DOUBT,
}


def turn_from_proto(start: turn_run_pb2.TurnStart, tenant_id: str) -> Turn:
    """The turn. Raises InvalidArgument INVALID_FIELD when an id or a JSON text is missing or bad."""
    _require(start)
    session = start.session
    try:
        return Turn(
            tenant_id=tenant_id,
            agent_id=session.agent_id,
            session_id=session.session_id,
            turn_id=start.turn_id,
            turn_group_id=start.turn_group_id,
            attempt=start.attempt,
            epoch=start.epoch,
            cause=_CAUSES.get(start.cause, Cause.MESSAGE),
            messages=messages_from_proto(start.messages),
            customer_id=session.customer_id,
            channel=session.channel,
            config_version=session.config_version,
            state=state_codec.from_proto(session.state),
            history=tuple(Exchange(e.customer_text, e.reply_text) for e in session.history),
            customer_data=state_codec.values_from_json(
                {change.field: change.value_json for change in session.pending_customer_data}
            ),
            artifacts=tuple(map(_artifact, start.artifacts)),
            prior_effects=tuple(map(_effect, start.prior_effects)),
            supersede_count=start.supersede_count,
            trigger=canonical_json.loads(start.trigger_json) if start.trigger_json else {},
            wants_text_deltas=start.wants_text_deltas,
            supersede_default=_DEFAULTS.get(start.supersede_default),
        )
    except canonical_json.NotJson:
        raise _invalid("start", "holds a text that is not JSON") from None


def messages_from_proto(messages: Iterable[message_pb2.Message]) -> tuple[Message, ...]:
    """Messages in the order given."""
    return tuple(Message(message.message_id, message.text) for message in messages)


def texts_from_proto(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts of an input. Raises InvalidArgument INVALID_FIELD unless there are 1 to 100."""
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise _invalid("texts", f"holds 1 to {MAX_TEXTS} texts")
    return tuple(texts)


def _require(start: turn_run_pb2.TurnStart) -> None:
    required = {
        "start.turn_id": start.turn_id,
        "start.turn_group_id": start.turn_group_id,
        "start.session.session_id": start.session.session_id,
        "start.session.agent_id": start.session.agent_id,
    }
    missing = [field for field, value in required.items() if not value]
    if missing:
        raise _invalid(missing[0], "is required")


def _invalid(field: str, description: str) -> errors.InvalidArgument:
    return errors.InvalidArgument(
        "INVALID_FIELD",
        f"{field} {description}",
        violations=[errors.FieldViolation(field, description)],
    )


def _artifact(artifact: turn_run_pb2.PhaseArtifact) -> Artifact:
    return Artifact(
        name=artifact.name,
        data_json=artifact.data_json,
        input_fingerprint=artifact.input_fingerprint,
        dependency_fingerprint=artifact.dependency_fingerprint,
    )


def _effect(effect: effect_pb2.Effect) -> PriorEffect:
    return PriorEffect(
        tool_name=effect.tool_name,
        policy=_POLICIES.get(effect.policy, SideEffect.IRREVERSIBLE),
        happened=effect.state not in _UNCHANGED,
        doubtful=effect.state in _DOUBTFUL,
        effect_id=effect.effect_id,
    )
