"""SessionState between the contract and the domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from focal.turn.v1 import session_pb2
from focal_kernel import canonical_json
from focal_pipeline.domain.session import (
    AccumulationHint,
    ScenarioInstance,
    ScenarioMove,
    ScenarioStatus,
    SessionState,
    StepVisit,
    WaitingCall,
)

_TO_STATUS = {
    ScenarioStatus.ACTIVE: session_pb2.SCENARIO_STATUS_ACTIVE,
    ScenarioStatus.PAUSED: session_pb2.SCENARIO_STATUS_PAUSED,
    ScenarioStatus.COMPLETED: session_pb2.SCENARIO_STATUS_COMPLETED,
    ScenarioStatus.CANCELLED: session_pb2.SCENARIO_STATUS_CANCELLED,
}
_FROM_STATUS = {number: status for status, number in _TO_STATUS.items()}


def to_proto(state: SessionState) -> session_pb2.SessionState:
    """The state as it is stored."""
    return session_pb2.SessionState(
        scenarios=map(_instance_to_proto, state.scenarios),
        variables_json={name: canonical_json.dumps(value) for name, value in state.variables.items()},
        rule_fire_counts=state.rule_fire_counts,
        rule_last_turn=state.rule_last_turn,
        turn_index=state.turn_index,
        last_intent_label=state.last_intent_label,
        step_history=map(_visit_to_proto, state.step_history),
        accumulation_hint=session_pb2.AccumulationHint(
            awaiting_required_field=state.hint.awaiting_required_field,
            expects_followup=state.hint.expects_followup,
            input_complete_confidence=state.hint.input_complete_confidence,
            expected_input_type=state.hint.expected_input_type,
        ),
        moves=[
            session_pb2.ScenarioMove(scenario_id=move.scenario_id, step_id=move.step_id)
            for move in state.moves
        ],
        waiting_call=_waiting_to_proto(state.waiting) if state.waiting else None,
    )


def from_proto(state: session_pb2.SessionState) -> SessionState:
    """The state as it was stored; NotJson when a variable is none."""
    hint = state.accumulation_hint
    return SessionState(
        scenarios=tuple(map(_instance_from_proto, state.scenarios)),
        variables=values_from_json(state.variables_json),
        rule_fire_counts=dict(state.rule_fire_counts),
        rule_last_turn=dict(state.rule_last_turn),
        turn_index=state.turn_index,
        last_intent_label=state.last_intent_label,
        step_history=tuple(map(_visit_from_proto, state.step_history)),
        hint=AccumulationHint(
            awaiting_required_field=hint.awaiting_required_field,
            expects_followup=hint.expects_followup,
            input_complete_confidence=hint.input_complete_confidence,
            expected_input_type=hint.expected_input_type,
        ),
        moves=tuple(ScenarioMove(move.scenario_id, move.step_id) for move in state.moves),
        waiting=_waiting_from_proto(state.waiting_call) if state.HasField("waiting_call") else None,
    )


def values_from_json(values: Mapping[str, str]) -> Mapping[str, Any]:
    """Values by name, each from its JSON."""
    return {name: canonical_json.loads(text) for name, text in values.items()}


def _instance_to_proto(instance: ScenarioInstance) -> session_pb2.ScenarioInstance:
    return session_pb2.ScenarioInstance(
        scenario_id=instance.scenario_id,
        current_step_id=instance.step_id,
        status=_TO_STATUS[instance.status],
        started_at_turn=instance.started_at_turn,
        updated_at_turn=instance.updated_at_turn,
        low_confidence_turns=instance.low_confidence_turns,
        finished_tools=instance.finished_tools,
        doubtful_tools=instance.doubtful_tools,
    )


def _instance_from_proto(instance: session_pb2.ScenarioInstance) -> ScenarioInstance:
    return ScenarioInstance(
        scenario_id=instance.scenario_id,
        step_id=instance.current_step_id,
        status=_FROM_STATUS.get(instance.status, ScenarioStatus.CANCELLED),
        started_at_turn=instance.started_at_turn,
        updated_at_turn=instance.updated_at_turn,
        low_confidence_turns=instance.low_confidence_turns,
        finished_tools=tuple(instance.finished_tools),
        doubtful_tools=dict(instance.doubtful_tools),
    )


def _visit_to_proto(visit: StepVisit) -> session_pb2.StepVisit:
    return session_pb2.StepVisit(
        scenario_id=visit.scenario_id,
        step_id=visit.step_id,
        turn_index=visit.turn_index,
        is_checkpoint=visit.is_checkpoint,
    )


def _visit_from_proto(visit: session_pb2.StepVisit) -> StepVisit:
    return StepVisit(visit.scenario_id, visit.step_id, visit.turn_index, visit.is_checkpoint)


def _waiting_to_proto(waiting: WaitingCall) -> session_pb2.WaitingCall:
    return session_pb2.WaitingCall(
        confirmation_id=waiting.confirmation_id,
        tool_name=waiting.tool_name,
        arguments_json=waiting.arguments_json,
        prompt=waiting.prompt,
        rule_id=waiting.rule_id,
        scenario_id=waiting.scenario_id,
        step_id=waiting.step_id,
        for_operator=waiting.for_operator,
    )


def _waiting_from_proto(waiting: session_pb2.WaitingCall) -> WaitingCall:
    return WaitingCall(
        confirmation_id=waiting.confirmation_id,
        tool_name=waiting.tool_name,
        arguments_json=waiting.arguments_json,
        prompt=waiting.prompt,
        rule_id=waiting.rule_id,
        scenario_id=waiting.scenario_id,
        step_id=waiting.step_id,
        for_operator=waiting.for_operator,
    )
