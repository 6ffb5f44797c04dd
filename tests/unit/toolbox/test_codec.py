from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.config.v1 import tool_definition_pb2
from focal.toolbox.v1 import effect_pb2, tool_pb2, toolbox_service_pb2
from focal_kernel import errors as kernel_errors
from focal_toolbox import errors
from focal_toolbox.adapters import bundles
from focal_toolbox.core.listing import Selection
from focal_toolbox.domain import result
from focal_toolbox.domain.answer import Answer, Delivery, Verdict
from focal_toolbox.domain.effect import Effect, Resolution, State
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Progress, Started
from focal_toolbox.domain.tool import Check, Tier, Tool
from focal_toolbox.transport import codec

NOW = datetime(2025, 5, 1, 12, 30, 15, 250_000, UTC)
EFFECT = Effect(
    effect_id="eff_1",
    position=7,
    tenant_id="acme",
    effect_key="key",
    business_key="business",
    tool_name="refund",
    policy=Policy.IRREVERSIBLE,
    state=State.DONE,
    session_id="ses_1",
    turn_group_id="grp_1",
    turn_id="trn_1",
    epoch=3,
    arguments_json="{}",
    result_json='{"ok":true}',
    error_reason="",
    attempts=1,
    reservation_id="rsv_1",
    prepared_at=NOW,
    updated_at=NOW,
    compensates="eff_0",
    resolution=Resolution(State.DONE, "ada", "look_up", "seen in the books", NOW),
    checks=2,
)


def test_an_order_survives_the_wire() -> None:
    request = toolbox_service_pb2.ExecuteRequest(
        context=tool_pb2.ToolContext(
            agent_id="a", config_version=4, session_id="s", turn_id="t", turn_group_id="g", epoch=2
        ),
        call=tool_pb2.ToolCall(tool_name="refund", arguments_json="{}"),
    )
    order = codec.order_from_proto("acme", request)
    assert (order.tool_name, order.arguments_json, order.occurrence) == ("refund", "{}", 1)
    attempt = order.attempt
    assert (attempt.tenant_id, attempt.agent_id, attempt.config_version) == ("acme", "a", 4)
    assert (attempt.session_id, attempt.turn_id, attempt.turn_group_id, attempt.epoch) == ("s", "t", "g", 2)


def test_a_demand_to_compensate_survives_the_wire() -> None:
    context = tool_pb2.ToolContext(agent_id="a", session_id="s", turn_id="t", turn_group_id="g", epoch=2)
    request = toolbox_service_pb2.CompensateRequest(context=context, session_id="s", effect_ids=["e", "f"])
    demand = codec.demand_from_proto("acme", request)
    assert demand.effect_ids == {"e", "f"}
    assert (demand.attempt.turn_group_id, demand.attempt.epoch) == ("g", 2)


@pytest.mark.parametrize(
    "changes",
    [{"session_id": "x"}, {"effect_ids": ["e"] * 101}, {"effect_ids": ["a:b"]}, {"reason": "x" * 201}],
)
def test_a_malformed_demand_is_refused(changes: dict[str, Any]) -> None:
    context = tool_pb2.ToolContext(agent_id="a", session_id="s", turn_id="t", turn_group_id="g", epoch=2)
    with pytest.raises(kernel_errors.InvalidArgument):
        codec.demand_from_proto("acme", toolbox_service_pb2.CompensateRequest(context=context, **changes))


def test_an_effect_shows_every_public_field() -> None:
    message = codec.effect_to_proto(EFFECT)
    unset = {field.name for field in message.DESCRIPTOR.fields} - {
        field.name for field, _ in message.ListFields()
    }
    assert unset == {"error_reason"}
    assert message.prepared_at.ToDatetime(UTC) == NOW
    assert message.state == effect_pb2.EFFECT_STATE_DONE


@pytest.mark.parametrize("state", State)
def test_every_state_survives_the_wire(state: State) -> None:
    number = codec.effect_to_proto(replace(EFFECT, state=state)).state
    assert codec.state_from_proto(number) is state


def test_an_unspecified_state_is_none_and_an_unknown_one_is_refused() -> None:
    assert codec.state_from_proto(effect_pb2.EFFECT_STATE_UNSPECIFIED) is None
    with pytest.raises(kernel_errors.InvalidArgument):
        codec.state_from_proto(99)  # type: ignore[arg-type]


def test_a_tool_survives_bundle_and_wire() -> None:
    definition = tool_definition_pb2.ToolDefinition(
        name="refund",
        description="pays",
        policy=policies.SIDE_EFFECT_POLICY_IRREVERSIBLE,
        parameter_schema_json="{}",
        business_key_fields=["order_id"],
        provider="http",
        requires_confirmation=True,
        confirmation_prompt="Shall I pay?",
        timeout_ms=1500,
        enabled=True,
        categories=["money"],
        compensation_tool="take_back",
        check_tool="get_refund",
        check_arguments={"order_id": "arguments.order_id"},
        check_happened="refunded",
        fresh_ms=2000,
        asynchronous=True,
        report_within_ms=60_000,
        tier=tool_definition_pb2.TOOL_TIER_TENANT,
    )
    tool = bundles.from_proto(definition)
    assert (tool.timeout_s, tool.fresh_s, tool.report_within_s) == (1.5, 2, 60)
    assert tool.check == Check("get_refund", "refunded", {"order_id": "arguments.order_id"})
    message = codec.tool_to_proto(tool)
    assert {field.name for field, _ in message.ListFields()} == {
        field.name for field in message.DESCRIPTOR.fields
    }


@pytest.mark.parametrize("policy", Policy)
def test_every_policy_survives_bundle_and_wire(policy: Policy) -> None:
    number = codec.tool_to_proto(Tool("t", policy=policy)).policy
    definition = tool_definition_pb2.ToolDefinition(name="t", policy=number)
    assert bundles.from_proto(definition).policy is policy


def test_a_tool_that_states_no_policy_is_irreversible() -> None:
    assert bundles.from_proto(tool_definition_pb2.ToolDefinition(name="t")).policy is Policy.IRREVERSIBLE


def test_a_selection_of_tools_is_read_and_an_unknown_tier_refused() -> None:
    narrowed = toolbox_service_pb2.ListToolsRequest(
        enabled_only=True, category="money", tier=tool_definition_pb2.TOOL_TIER_PLATFORM
    )
    assert codec.selection_from_proto(narrowed) == Selection(True, "money", Tier.PLATFORM)
    assert codec.selection_from_proto(toolbox_service_pb2.ListToolsRequest()) == Selection()
    with pytest.raises(errors.BadRequest):
        codec.selection_from_proto(toolbox_service_pb2.ListToolsRequest(tier=9))  # type: ignore[arg-type]


def test_events_keep_their_kind() -> None:
    started = codec.event_to_proto(Started("t", "eff_1")).started
    assert (started.tool_name, started.effect_id) == ("t", "eff_1")
    progress = codec.event_to_proto(Progress("half", 0.5)).progress
    assert (progress.message, progress.fraction) == ("half", 0.5)
    delivery = Delivery(Answer(Verdict.DONE, result_json="{}"), 2, 0.25)
    message = codec.event_to_proto(result.of_effect(EFFECT, delivery)).result
    assert (message.status, message.provider_ms, message.attempts) == (tool_pb2.TOOL_STATUS_SUCCESS, 250, 2)
    assert (message.effect_id, message.effect_key, message.effect_state) == (
        "eff_1",
        "key",
        effect_pb2.EFFECT_STATE_DONE,
    )
    assert message.commit_point_reached
