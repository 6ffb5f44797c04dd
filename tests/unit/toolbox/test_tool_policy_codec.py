"""Rules on the wire and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import tool_policy_pb2 as pb
from focal.toolbox.v1 import tool_policy_service_pb2 as service_pb
from focal_kernel import errors as kernel_errors
from focal_toolbox import errors
from focal_toolbox.domain.confirmation import Approver
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.tool_rules import Decision, Look, Rule, Ruling
from focal_toolbox.transport import tool_policy_codec as codec

RULE = Rule(
    "large_refunds",
    20,
    Decision.NEED_APPROVAL,
    tools="refund_*",
    agents="returns_desk",
    side_effects=frozenset({Policy.IRREVERSIBLE, Policy.COMPENSATABLE}),
    condition="amount > `100`",
    approver=Approver.CUSTOMER,
    reason="large refunds need a yes",
    updated_at=datetime(2025, 1, 1, tzinfo=UTC),
    updated_by="ada",
)


def test_a_rule_comes_back_as_it_went_but_for_what_the_service_sets() -> None:
    message = codec.rule_to_proto(RULE)
    assert message.updated_at.ToDatetime(UTC) == RULE.updated_at
    found = codec.rule_from_proto(message, "rule", "bob")
    assert (found.updated_at, found.updated_by) == (None, "bob")
    message.ClearField("updated_at")
    message.updated_by = "bob"
    assert codec.rule_to_proto(found) == message


def test_every_decision_side_effect_and_approver_has_a_number() -> None:
    for decision in Decision:
        for approver in Approver:
            rule = Rule("r", 0, decision, side_effects=frozenset(Policy), approver=approver)
            found = codec.rule_from_proto(codec.rule_to_proto(rule), "rule")
            assert (found.decision, found.side_effects) == (decision, rule.side_effects)
            if decision is Decision.NEED_APPROVAL:
                assert found.approver is approver


def test_an_approver_that_is_not_named_is_an_operator() -> None:
    message = pb.ToolPolicyRule(rule_id="r", decision=pb.TOOL_POLICY_DECISION_NEED_APPROVAL)
    assert codec.rule_from_proto(message, "rule").approver is Approver.OPERATOR


def test_everything_that_is_wrong_with_a_rule_is_told_at_once() -> None:
    message = pb.ToolPolicyRule(
        rule_id="r",
        position=-1,
        tools="refund order",
        agents="a" * 65,
        side_effects=[99],  # type: ignore[list-item]
        condition="a" * 1001,
        approver=99,  # type: ignore[arg-type]
        reason="a" * 501,
    )
    with pytest.raises(errors.BadRequest) as refused:
        codec.rule_from_proto(message, "rule")
    fields = [violation.field for violation in refused.value.violations]
    names = ("position", "tools", "agents", "side_effects", "condition", "decision", "approver", "reason")
    assert fields == [f"rule.{name}" for name in names]


@pytest.mark.parametrize("rule_id", ["", "a b", "a" * 65, "a:b"])
def test_a_rule_needs_an_id_of_ours(rule_id: str) -> None:
    with pytest.raises(kernel_errors.InvalidArgument):
        codec.rule_from_proto(pb.ToolPolicyRule(rule_id=rule_id), "rule")


def test_an_explanation_names_rule_reason_and_looks() -> None:
    found = codec.explanation_to_proto(
        Ruling(Decision.NEED_APPROVAL, "r", "why"), [Look(RULE, matched=True, why="its condition holds")]
    )
    assert (found.decision, found.approver) == (
        pb.TOOL_POLICY_DECISION_NEED_APPROVAL,
        tool_pb2.APPROVER_OPERATOR,
    )
    assert (found.rule_id, found.reason) == ("r", "why")
    assert found.looks[0] == service_pb.RuleLook(
        rule_id="large_refunds", matched=True, why="its condition holds"
    )


def test_a_question_may_leave_the_side_effect_to_the_bundle() -> None:
    request = service_pb.ExplainCallRequest(agent_id="desk", tool_name="refund", arguments_json="{}")
    assert codec.question_from_proto("acme", request).side_effect is None
    request.side_effect = policies.SIDE_EFFECT_POLICY_PURE
    assert codec.question_from_proto("acme", request).side_effect is Policy.PURE
    with pytest.raises(errors.BadRequest):
        codec.question_from_proto("acme", service_pb.ExplainCallRequest(agent_id="desk"))
