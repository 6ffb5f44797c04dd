"""ToolPolicyService on the wire; for administrators of the tenant."""

# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from typing import Any

from focal.toolbox.v1 import tool_policy_service_pb2 as pb
from focal.toolbox.v1.tool_policy_service_pb2_grpc import ToolPolicyServiceServicer
from focal_kernel import ids
from focal_service_kit import identity, pages
from focal_toolbox.core.policy_desk import PolicyDesk
from focal_toolbox.transport import tool_policy_codec as codec

_KEEPERS = ("admin",)
_LIST = "tool policy rules"


class ToolPolicyServicer(ToolPolicyServiceServicer):
    """Decodes, calls the core, encodes."""

    def __init__(self, desk: PolicyDesk) -> None:
        self._desk = desk

    async def ListRules(self, request: pb.ListRulesRequest, context: Any) -> pb.ListRulesResponse:
        identity.require_role(*_KEEPERS)
        tenant_id = identity.tenant()
        after = _after(pages.position(request.page_token, _LIST, tenant_id))
        page = await self._desk.page(tenant_id, after, pages.size(request.page_size))
        following = "{}:{}".format(*page.next_after) if page.next_after else ""
        return pb.ListRulesResponse(
            rules=map(codec.rule_to_proto, page.rules),
            next_page_token=pages.token(following, _LIST, tenant_id),
            otherwise=codec.decision_to_proto(self._desk.otherwise),
        )

    async def PutRule(self, request: pb.PutRuleRequest, context: Any) -> pb.PutRuleResponse:
        caller = identity.require_role(*_KEEPERS)
        rule = codec.rule_from_proto(request.rule, "rule", caller.subject)
        stands = await self._desk.put(identity.tenant(), rule, _request_id(request.request_id))
        return pb.PutRuleResponse(rule=codec.rule_to_proto(stands))

    async def DeleteRule(self, request: pb.DeleteRuleRequest, context: Any) -> pb.DeleteRuleResponse:
        identity.require_role(*_KEEPERS)
        rule_id = ids.check_id(request.rule_id, "rule_id")
        await self._desk.delete(identity.tenant(), rule_id, _request_id(request.request_id))
        return pb.DeleteRuleResponse()

    async def ExplainCall(self, request: pb.ExplainCallRequest, context: Any) -> pb.ExplainCallResponse:
        identity.require_role(*_KEEPERS)
        question = codec.question_from_proto(identity.tenant(), request)
        return codec.explanation_to_proto(*await self._desk.explain(question))


def _request_id(given: str) -> str:
    return ids.check_id(given, "request_id") if given else ""


def _after(position: str) -> tuple[int, str] | None:
    if not position:
        return None
    number, _, rule_id = position.partition(":")
    if not (number.isascii() and number.isdigit()) or len(number) > len(str(codec.HIGHEST_POSITION)):
        raise pages.BadToken
    return int(number), rule_id
