"""Rules of tool policies, between the wire and the core."""

from __future__ import annotations

import re
from collections.abc import Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.toolbox.v1 import tool_pb2, tool_policy_pb2
from focal.toolbox.v1 import tool_policy_service_pb2 as pb
from focal_kernel import ids
from focal_kernel.errors import FieldViolation
from focal_toolbox import errors
from focal_toolbox.core.policy_desk import Question
from focal_toolbox.domain import conditions
from focal_toolbox.domain.confirmation import Approver
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.tool_rules import Decision, Look, Rule, Ruling

HIGHEST_POSITION = 1_000_000
LONGEST_REASON = 500
_PATTERN = re.compile(r"[A-Za-z0-9_*-]{0,64}")
_PATTERN_TEXT = "must be letters, digits, `_`, `-` and `*`, 64 at most"

_SIDE_EFFECTS = {
    policies.SIDE_EFFECT_POLICY_PURE: Policy.PURE,
    policies.SIDE_EFFECT_POLICY_IDEMPOTENT: Policy.IDEMPOTENT,
    policies.SIDE_EFFECT_POLICY_COMPENSATABLE: Policy.COMPENSATABLE,
    policies.SIDE_EFFECT_POLICY_IRREVERSIBLE: Policy.IRREVERSIBLE,
}
_SIDE_EFFECTS_TO = {policy: number for number, policy in _SIDE_EFFECTS.items()}
_DECISIONS = {
    tool_policy_pb2.TOOL_POLICY_DECISION_ALLOW: Decision.ALLOW,
    tool_policy_pb2.TOOL_POLICY_DECISION_DENY: Decision.DENY,
    tool_policy_pb2.TOOL_POLICY_DECISION_NEED_APPROVAL: Decision.NEED_APPROVAL,
}
_DECISIONS_TO = {decision: number for number, decision in _DECISIONS.items()}
_APPROVERS = {
    tool_pb2.APPROVER_UNSPECIFIED: Approver.OPERATOR,
    tool_pb2.APPROVER_CUSTOMER: Approver.CUSTOMER,
    tool_pb2.APPROVER_OPERATOR: Approver.OPERATOR,
}
_APPROVERS_TO = {
    Approver.CUSTOMER: tool_pb2.APPROVER_CUSTOMER,
    Approver.OPERATOR: tool_pb2.APPROVER_OPERATOR,
}


def rule_from_proto(message: tool_policy_pb2.ToolPolicyRule, field: str, written_by: str = "") -> Rule:
    """A rule as a caller wrote it; BadRequest that lists everything that is wrong but its condition, or
    InvalidArgument INVALID_ID.
    """
    rule_id = ids.check_id(message.rule_id, f"{field}.rule_id")
    wrong = {
        "position": (
            not 0 <= message.position <= HIGHEST_POSITION,
            f"must be 0 to {HIGHEST_POSITION}",
        ),
        "tools": (not _PATTERN.fullmatch(message.tools), _PATTERN_TEXT),
        "agents": (not _PATTERN.fullmatch(message.agents), _PATTERN_TEXT),
        "side_effects": (
            not set(message.side_effects) <= _SIDE_EFFECTS.keys(),
            "must be " + ", ".join(Policy),
        ),
        "condition": (
            len(message.condition) > conditions.LONGEST,
            f"must be at most {conditions.LONGEST} characters",
        ),
        "decision": (message.decision not in _DECISIONS, "must be one of " + ", ".join(Decision)),
        "approver": (message.approver not in _APPROVERS, "must be one of " + ", ".join(Approver)),
        "reason": (len(message.reason) > LONGEST_REASON, f"must be at most {LONGEST_REASON} characters"),
    }
    violations = [FieldViolation(f"{field}.{name}", text) for name, (bad, text) in wrong.items() if bad]
    if violations:
        raise errors.BadRequest(*violations)
    return Rule(
        rule_id=rule_id,
        position=message.position,
        decision=_DECISIONS[message.decision],
        tools=message.tools,
        agents=message.agents,
        side_effects=frozenset(_SIDE_EFFECTS[number] for number in message.side_effects),
        condition=message.condition,
        approver=_APPROVERS[message.approver],
        reason=message.reason,
        updated_by=written_by,
    )


def rule_to_proto(rule: Rule) -> tool_policy_pb2.ToolPolicyRule:
    """A rule as it stands."""
    message = tool_policy_pb2.ToolPolicyRule(
        rule_id=rule.rule_id,
        position=rule.position,
        tools=rule.tools,
        agents=rule.agents,
        side_effects=sorted(_SIDE_EFFECTS_TO[policy] for policy in rule.side_effects),
        condition=rule.condition,
        decision=_DECISIONS_TO[rule.decision],
        reason=rule.reason,
        updated_by=rule.updated_by,
    )
    if rule.decision is Decision.NEED_APPROVAL:
        message.approver = _APPROVERS_TO[rule.approver]
    if rule.updated_at is not None:
        stamp = Timestamp()
        stamp.FromDatetime(rule.updated_at)
        message.updated_at.CopyFrom(stamp)
    return message


def decision_to_proto(decision: Decision) -> tool_policy_pb2.ToolPolicyDecision.ValueType:
    """A decision by itself."""
    return _DECISIONS_TO[decision]


def question_from_proto(tenant_id: str, request: pb.ExplainCallRequest) -> Question:
    """The call to explain; BadRequest or InvalidArgument INVALID_ID when it is malformed."""
    if not request.tool_name:
        raise errors.BadRequest(FieldViolation("tool_name", "is required"))
    unstated = request.side_effect == policies.SIDE_EFFECT_POLICY_UNSPECIFIED
    if not unstated and request.side_effect not in _SIDE_EFFECTS:
        raise errors.BadRequest(FieldViolation("side_effect", "must be one of " + ", ".join(Policy)))
    return Question(
        tenant_id=tenant_id,
        agent_id=ids.check_id(request.agent_id, "agent_id"),
        tool_name=request.tool_name,
        arguments_json=request.arguments_json,
        side_effect=None if unstated else _SIDE_EFFECTS[request.side_effect],
        candidate=rule_from_proto(request.candidate, "candidate") if request.HasField("candidate") else None,
    )


def explanation_to_proto(ruling: Ruling, looks: Sequence[Look]) -> pb.ExplainCallResponse:
    """What would be decided, and what each rule made of the call."""
    response = pb.ExplainCallResponse(
        decision=_DECISIONS_TO[ruling.decision],
        rule_id=ruling.rule_id,
        reason=ruling.reason,
        looks=[pb.RuleLook(rule_id=each.rule.rule_id, matched=each.matched, why=each.why) for each in looks],
    )
    if ruling.decision is Decision.NEED_APPROVAL:
        response.approver = _APPROVERS_TO[ruling.approver]
    return response
