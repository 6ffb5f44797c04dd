"""Tools, orders, effects and results between protobuf and the domain."""

from __future__ import annotations

import math
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.config.v1 import tool_definition_pb2
from focal.toolbox.v1 import effect_pb2, tool_pb2, toolbox_service_pb2
from focal_kernel import ids
from focal_kernel.errors import FieldViolation
from focal_toolbox import errors
from focal_toolbox.core.listing import Selection
from focal_toolbox.domain.compensation import Demand, Undone
from focal_toolbox.domain.effect import Effect, Resolution, State
from focal_toolbox.domain.order import Attempt, Order
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Event, Progress, Result, Started, Status
from focal_toolbox.domain.tool import Tier, Tool
from focal_toolbox.transport import confirmation_codec

MAX_OCCURRENCE = 1000
"""More equal calls in one turn group are a loop, not a wish."""
MAX_EFFECTS = 100
MAX_REASON_CHARS = 200

_POLICIES = {
    Policy.PURE: policies.SIDE_EFFECT_POLICY_PURE,
    Policy.IDEMPOTENT: policies.SIDE_EFFECT_POLICY_IDEMPOTENT,
    Policy.COMPENSATABLE: policies.SIDE_EFFECT_POLICY_COMPENSATABLE,
    Policy.IRREVERSIBLE: policies.SIDE_EFFECT_POLICY_IRREVERSIBLE,
}
_TIERS = {
    Tier.PLATFORM: tool_definition_pb2.TOOL_TIER_PLATFORM,
    Tier.TENANT: tool_definition_pb2.TOOL_TIER_TENANT,
    Tier.AGENT: tool_definition_pb2.TOOL_TIER_AGENT,
}
_TIERS_BY_NUMBER = {number: tier for tier, number in _TIERS.items()}
_STATES = {
    State.PREPARED: effect_pb2.EFFECT_STATE_PREPARED,
    State.ACCEPTED: effect_pb2.EFFECT_STATE_ACCEPTED,
    State.DONE: effect_pb2.EFFECT_STATE_DONE,
    State.FAILED: effect_pb2.EFFECT_STATE_FAILED,
    State.IN_DOUBT: effect_pb2.EFFECT_STATE_IN_DOUBT,
    State.COMPENSATING: effect_pb2.EFFECT_STATE_COMPENSATING,
    State.COMPENSATED: effect_pb2.EFFECT_STATE_COMPENSATED,
}
_STATES_BY_NUMBER = {number: state for state, number in _STATES.items()}
_STATUSES = {
    Status.SUCCESS: tool_pb2.TOOL_STATUS_SUCCESS,
    Status.ERROR: tool_pb2.TOOL_STATUS_ERROR,
    Status.CACHED: tool_pb2.TOOL_STATUS_CACHED,
    Status.IN_DOUBT: tool_pb2.TOOL_STATUS_IN_DOUBT,
    Status.REFUSED: tool_pb2.TOOL_STATUS_REFUSED,
    Status.STARTED: tool_pb2.TOOL_STATUS_STARTED,
}


def order_from_proto(tenant_id: str, request: toolbox_service_pb2.ExecuteRequest) -> Order:
    """The order of a tenant; BadRequest or InvalidArgument INVALID_ID when it is malformed."""
    call = request.call
    if not call.tool_name:
        raise _bad("call.tool_name", "is required")
    if not 0 <= call.occurrence <= MAX_OCCURRENCE:
        raise _bad("call.occurrence", f"must be 0 to {MAX_OCCURRENCE}")
    return Order(
        attempt=_attempt(tenant_id, request.context),
        tool_name=call.tool_name,
        arguments_json=call.arguments_json,
        occurrence=call.occurrence or 1,
        no_retry=call.no_retry,
    )


def demand_from_proto(tenant_id: str, request: toolbox_service_pb2.CompensateRequest) -> Demand:
    """What a tenant's attempt wants undone; BadRequest or InvalidArgument INVALID_ID when it is malformed."""
    if request.session_id not in {"", request.context.session_id}:
        raise _bad("session_id", "must be empty or that of the context")
    if len(request.effect_ids) > MAX_EFFECTS:
        raise _bad("effect_ids", f"must be at most {MAX_EFFECTS}")
    if len(request.reason) > MAX_REASON_CHARS:
        raise _bad("reason", f"must be at most {MAX_REASON_CHARS} characters")
    effect_ids = frozenset(ids.check_id(effect_id, "effect_ids") for effect_id in request.effect_ids)
    return Demand(_attempt(tenant_id, request.context), effect_ids)


def undone_to_proto(undone: Undone) -> toolbox_service_pb2.CompensateResponse:
    """What came of a demand."""
    return toolbox_service_pb2.CompensateResponse(
        effects=map(effect_to_proto, undone.effects),
        compensations=[
            toolbox_service_pb2.Compensation(effect_id=each.effect_id, result=result_to_proto(each.result))
            for each in undone.undoings
        ],
        repeat=undone.repeat,
    )


def _attempt(tenant_id: str, context: tool_pb2.ToolContext) -> Attempt:
    if context.config_version < 0:
        raise _bad("context.config_version", "must be 0 or a published version")
    if context.epoch < 1:
        raise _bad("context.epoch", "must be at least 1")
    return Attempt(
        tenant_id=tenant_id,
        agent_id=ids.check_id(context.agent_id, "context.agent_id"),
        config_version=context.config_version,
        session_id=ids.check_id(context.session_id, "context.session_id"),
        turn_id=ids.check_id(context.turn_id, "context.turn_id"),
        turn_group_id=ids.check_id(context.turn_group_id, "context.turn_group_id"),
        epoch=context.epoch,
        no_pending_messages=context.no_pending_messages,
    )


def state_from_proto(number: effect_pb2.EffectState.ValueType) -> State | None:
    """The state, None for unspecified; BadRequest for one that no effect can be in."""
    if number == effect_pb2.EFFECT_STATE_UNSPECIFIED:
        return None
    if number not in _STATES_BY_NUMBER:
        raise _bad("state", "must be one of " + ", ".join(State))
    return _STATES_BY_NUMBER[number]


def selection_from_proto(request: toolbox_service_pb2.ListToolsRequest) -> Selection:
    """Which tools to list; BadRequest for a tier that there is none of."""
    tier = None
    if request.tier != tool_definition_pb2.TOOL_TIER_UNSPECIFIED:
        if request.tier not in _TIERS_BY_NUMBER:
            raise _bad("tier", "must be one of " + ", ".join(Tier))
        tier = _TIERS_BY_NUMBER[request.tier]
    return Selection(request.enabled_only, request.category, tier)


def tool_to_proto(tool: Tool) -> tool_pb2.Tool:
    """A tool as callers see it."""
    return tool_pb2.Tool(
        name=tool.name,
        description=tool.description,
        policy=_POLICIES[tool.policy],
        parameter_schema_json=tool.schema_json,
        requires_confirmation=tool.requires_confirmation,
        enabled=tool.enabled,
        business_key_fields=tool.business_key_fields,
        provider=tool.provider,
        tier=_TIERS[tool.tier],
        categories=tool.categories,
        confirmation_prompt=tool.confirmation_prompt,
        compensation_tool=tool.compensation,
        check_tool=tool.check.tool_name if tool.check else "",
        fresh_ms=round(tool.fresh_s * 1000),
        asynchronous=tool.asynchronous,
        timeout_ms=round((tool.timeout_s or 0) * 1000),
    )


def event_to_proto(event: Event) -> toolbox_service_pb2.ExecuteResponse:
    """One event of a call."""
    match event:
        case Started():
            started = toolbox_service_pb2.ToolStarted(tool_name=event.tool_name, effect_id=event.effect_id)
            return toolbox_service_pb2.ExecuteResponse(started=started)
        case Progress():
            progress = toolbox_service_pb2.ToolProgress(message=event.message, fraction=event.fraction)
            return toolbox_service_pb2.ExecuteResponse(progress=progress)
        case Result():
            return toolbox_service_pb2.ExecuteResponse(result=result_to_proto(event))


def result_to_proto(result: Result) -> tool_pb2.ToolResult:
    """The end of a call."""
    message = tool_pb2.ToolResult(
        tool_name=result.tool_name,
        status=_STATUSES[result.status],
        result_json=result.result_json,
        error_reason=result.error_reason,
        error_message=result.error_message,
        provider_ms=result.provider_s * 1000,
        attempts=result.attempts,
        commit_point_reached=result.commit_point_reached,
        retry_after_ms=math.ceil(result.retry_after_s * 1000),
    )
    if result.read_at is not None:
        message.read_at.CopyFrom(_timestamp(result.read_at))
    if result.effect is not None:
        message.effect_id = result.effect.effect_id
        message.effect_state = _STATES[result.effect.state]
        message.effect_key = result.effect.effect_key
    if result.confirmation is not None:
        message.confirmation.CopyFrom(confirmation_codec.to_proto(result.confirmation))
    return message


def effect_to_proto(effect: Effect) -> effect_pb2.Effect:
    """A row of the ledger, without what only the ledger needs."""
    return effect_pb2.Effect(
        effect_id=effect.effect_id,
        effect_key=effect.effect_key,
        business_key=effect.business_key,
        tool_name=effect.tool_name,
        policy=_POLICIES[effect.policy],
        state=_STATES[effect.state],
        session_id=effect.session_id,
        turn_group_id=effect.turn_group_id,
        turn_id=effect.turn_id,
        epoch=effect.epoch,
        arguments_json=effect.arguments_json,
        result_json=effect.result_json,
        error_reason=effect.error_reason,
        attempts=effect.attempts,
        prepared_at=_timestamp(effect.prepared_at),
        updated_at=_timestamp(effect.updated_at),
        compensates=effect.compensates,
        resolution=resolution_to_proto(effect.resolution) if effect.resolution else None,
        checks=effect.checks,
    )


def resolution_to_proto(resolution: Resolution) -> effect_pb2.EffectResolution:
    """What was said about an effect in doubt."""
    return effect_pb2.EffectResolution(
        state=_STATES[resolution.state],
        resolved_by=resolution.resolved_by,
        check_tool=resolution.check_tool,
        reason=resolution.reason,
        resolved_at=_timestamp(resolution.resolved_at),
    )


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _bad(field: str, description: str) -> errors.BadRequest:
    return errors.BadRequest(FieldViolation(field, description))
