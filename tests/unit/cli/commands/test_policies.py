"""`focal policies` against a scripted service."""

from typing import Any

from focal.common.v1 import side_effect_policy_pb2 as side_effects
from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import tool_policy_pb2 as nouns
from focal.toolbox.v1 import tool_policy_service_pb2 as pb
from focal.toolbox.v1 import tool_policy_service_pb2_grpc as api
from focal_kernel import errors
from focal_service_kit import errors as wire
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh
from tests.unit.cli.forks import Outcome

RULE = nouns.ToolPolicyRule(
    rule_id="large",
    position=20,
    tools="refund_*",
    condition="amount > `100`",
    decision=nouns.TOOL_POLICY_DECISION_NEED_APPROVAL,
    approver=tool_pb2.APPROVER_OPERATOR,
    reason="too much",
)


class FakePolicies(api.ToolPolicyServiceServicer):
    """One rule, which matches."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def ListRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        later = nouns.ToolPolicyRule(rule_id="later", decision=nouns.TOOL_POLICY_DECISION_DENY)
        return pb.ListRulesResponse(
            rules=[later if request.page_token else RULE],
            next_page_token="" if request.page_token else "more",
            otherwise=nouns.TOOL_POLICY_DECISION_ALLOW,
        )

    async def PutRule(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        return pb.PutRuleResponse(rule=request.rule)

    async def DeleteRule(self, request: Any, context: Any) -> Any:  # noqa: N802
        gone = errors.NotFound("POLICY_RULE_NOT_FOUND", "the tool policy has no rule large")
        await context.abort_with_status(wire.to_status(gone))

    async def ExplainCall(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        looks = [pb.RuleLook(rule_id="vip", why="its condition does not hold")]
        return pb.ExplainCallResponse(
            decision=nouns.TOOL_POLICY_DECISION_DENY, rule_id="large", reason="too much", looks=looks
        )


async def focal(fake_mesh: FakeMesh, fake: FakePolicies, *arguments: str) -> Outcome:
    async with serving(api.add_ToolPolicyServiceServicer_to_server, fake) as target:
        fake_mesh.at({"toolbox": target})
        return await fake_mesh.terminal.focal("policies", *arguments)


async def test_all_rules_are_listed_with_what_they_decide_and_what_holds_otherwise(
    fake_mesh: FakeMesh,
) -> None:
    listed = await focal(fake_mesh, FakePolicies(), "list")
    for shown in ("large", "need approval of the operator", "amount > `100`", "later", "allow"):
        assert shown in listed.output
    documents = (await focal(fake_mesh, FakePolicies(), "list", "--json")).documents
    assert [rule["rule_id"] for rule in documents[0]["rules"]] == ["large", "later"]


async def test_a_rule_is_put_whole(fake_mesh: FakeMesh) -> None:
    fake = FakePolicies()
    fields = ("position=20", "tools=refund_*", "condition=amount > `100`", "reason=too much")
    more = ("approver=operator", "side_effects=irreversible")
    put = await focal(fake_mesh, fake, "put", "large", "need-approval", *fields, *more)
    assert put.code == 0
    (request,) = fake.seen
    assert request.request_id
    assert list(request.rule.side_effects) == [side_effects.SIDE_EFFECT_POLICY_IRREVERSIBLE]
    del request.rule.side_effects[:]
    assert request.rule == RULE


async def test_what_is_no_rule_is_refused_with_how_to_write_one(fake_mesh: FakeMesh) -> None:
    for arguments, hint in (
        (("put", "large", "forbid"), "need-approval"),
        (("put", "large", "deny", "when=always"), "condition"),
        (("put", "large", "deny", "position=first"), "position"),
        (("put", "large", "deny", "side_effects=harmless"), "side_effects"),
        (("explain", "desk", "refund", "--with", "large"), "RULE DECISION"),
    ):
        fake = FakePolicies()
        refused = await focal(fake_mesh, fake, *arguments)
        assert refused.code != 0
        assert hint in refused.errors
        assert fake.seen == []


async def test_removing_what_is_not_there_says_how_to_find_what_is(fake_mesh: FakeMesh) -> None:
    removed = await focal(fake_mesh, FakePolicies(), "remove", "large")
    assert removed.code == 1
    assert "focal policies list" in removed.errors


async def test_an_explanation_names_the_rule_the_reason_and_the_rules_before_it(fake_mesh: FakeMesh) -> None:
    fake = FakePolicies()
    explained = await focal(fake_mesh, fake, "explain", "returns_desk", "refund_order", '{"amount": 150}')
    for shown in ("deny", "by rule large", "too much", "vip", "does not hold"):
        assert shown in explained.output
    assert not fake.seen[0].HasField("candidate")
    rule = "vip allow position=5 'condition=order_id == `1`'"
    tried = await focal(fake_mesh, fake, "explain", "returns_desk", "refund_order", "--with", rule, "--json")
    assert tried.documents[0]["rule_id"] == "large"
    candidate = fake.seen[1].candidate
    assert (candidate.rule_id, candidate.position, candidate.condition) == ("vip", 5, "order_id == `1`")
    assert candidate.decision == nouns.TOOL_POLICY_DECISION_ALLOW
