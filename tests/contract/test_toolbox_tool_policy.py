"""Tool policies of tenants: kept over gRPC, in PostgreSQL, and in force at the provider's door.

Seen to fail: with the tenant left out of the look at all rules, with the order left out of the page, without
the look for an earlier request or the lock in `put_policy_rule`, and without the `except` of `Policing`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import grpc
import pytest

from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import tool_policy_pb2 as nouns
from focal.toolbox.v1 import tool_policy_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2 as toolbox_pb
from focal.toolbox.v1.tool_policy_service_pb2_grpc import ToolPolicyServiceStub
from focal.toolbox.v1.toolbox_service_pb2_grpc import ToolboxServiceStub
from focal_service_kit import errors as wire
from focal_toolbox import errors
from focal_toolbox.adapters.postgres_tool_rules import PostgresToolRules
from focal_toolbox.domain.tool_rules import Decision, Rule
from tests.doubles import tool_provider
from tests.fakes import running_toolbox
from tests.fakes.running_toolbox import CALL_S, RunningToolbox, Turn
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

ALLOW, DENY, NEED_APPROVAL = (
    nouns.TOOL_POLICY_DECISION_ALLOW,
    nouns.TOOL_POLICY_DECISION_DENY,
    nouns.TOOL_POLICY_DECISION_NEED_APPROVAL,
)
SUCCESS, REFUSED = tool_pb2.TOOL_STATUS_SUCCESS, tool_pb2.TOOL_STATUS_REFUSED
ORDER = {"order_id": "10003", "amount": 150}
AT_ONCE = {"kept_s": 0.001}


@dataclass
class Policed:
    """A toolbox whose tenants have policies, and the provider that it calls."""

    toolbox: RunningToolbox
    provider: tool_provider.ToolProvider

    def policies(self, tenant: str = "acme", *roles: str) -> Any:
        token = self.toolbox.running.deployment.tenant_token(tenant, roles=roles or ("admin",))
        return ToolPolicyServiceStub(self.toolbox.running.channel(token))

    async def put(self, rule_id: str, decision: Any, position: int = 10, **more: Any) -> nouns.ToolPolicyRule:
        request_id = more.pop("request_id", "")
        policies = self.policies(more.pop("tenant", "acme"))
        rule = nouns.ToolPolicyRule(rule_id=rule_id, position=position, decision=decision, **more)
        stored = await policies.PutRule(pb.PutRuleRequest(rule=rule, request_id=request_id), timeout=CALL_S)
        found: nouns.ToolPolicyRule = stored.rule
        return found

    async def listed(self, **more: Any) -> list[str]:
        page = await self.policies().ListRules(pb.ListRulesRequest(**more), timeout=CALL_S)
        return [rule.rule_id for rule in page.rules]

    async def answer(self, result: tool_pb2.ToolResult, *, yes: bool) -> None:
        confirmation = result.confirmation
        request = toolbox_pb.ConfirmRequest(
            session_id=confirmation.session_id,
            confirmation_id=confirmation.confirmation_id,
            accepted=yes,
            approver=tool_pb2.APPROVER_OPERATOR,
        )
        deployment = self.toolbox.running.deployment
        token = deployment.tenant_token("acme", roles=("admin",))
        stub: Any = ToolboxServiceStub(self.toolbox.running.channel(token))
        await stub.Confirm(request, timeout=CALL_S)

    def decided(self, decision: str) -> float:
        return self.toolbox.metric("tool_policy_decisions_total", tenant="acme", decision=decision)


@pytest.fixture
async def policed(database: str) -> AsyncIterator[Policed]:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tool_policy=AT_ONCE) as toolbox,
    ):
        yield Policed(toolbox, provider)


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code(), wire.from_rpc(error.value).reason


async def test_the_first_matching_rule_decides_and_what_it_denies_is_not_sent(policed: Policed) -> None:
    assert (await policed.toolbox.execute("refund", ORDER)).status == SUCCESS
    await policed.put("closed", DENY, 20, tools="refund", condition="amount > `100`", reason="ask the boss")
    await policed.put("vip", ALLOW, 10, condition="order_id == '10001'")
    denied = await policed.toolbox.execute("refund", {"order_id": "10004", "amount": 150})
    assert (denied.status, denied.error_reason) == (REFUSED, "POLICY_DENIED")
    assert "ask the boss" in denied.error_message
    assert not denied.effect_id
    for allowed in (
        {"order_id": "10001", "amount": 150},
        {"order_id": "10005", "amount": 100.0},
        {"order_id": "10006"},
    ):
        assert (await policed.toolbox.execute("refund", allowed)).status == SUCCESS
    assert (await policed.toolbox.execute("look_up", {"order_id": "10004"})).status == SUCCESS
    assert sum("refund" in request.target for request in policed.provider.received) == 4
    assert (policed.decided("DENY"), policed.decided("ALLOW")) == (1, 5)


async def test_an_approval_holds_for_exactly_one_call(policed: Policed) -> None:
    await policed.put("large", NEED_APPROVAL, tools="refund", reason="Refund {amount} for {order_id}?")
    asked = await policed.toolbox.execute("refund", ORDER)
    assert (asked.status, asked.error_reason) == (REFUSED, "APPROVAL_REQUIRED")
    assert asked.confirmation.prompt == "Refund 150 for 10003?"
    await policed.answer(asked, yes=True)
    changed = await policed.toolbox.execute("refund", {**ORDER, "amount": 151})
    assert changed.error_reason == "APPROVAL_REQUIRED"
    assert policed.provider.received == []
    assert (await policed.toolbox.execute("refund", ORDER)).status == SUCCESS
    later = Turn(turn_id="trn_2", turn_group_id="grp_2", epoch=2)
    assert (await policed.toolbox.execute("refund", ORDER, later)).error_reason == "APPROVAL_REQUIRED"
    assert len(policed.provider.received) == 1


async def test_a_no_of_the_operator_stands_and_a_yes_of_the_customer_is_none(policed: Policed) -> None:
    await policed.put("large", NEED_APPROVAL, tools="refund")
    asked = await policed.toolbox.execute("refund", ORDER)
    turn = Turn()
    as_customer = toolbox_pb.ConfirmRequest(
        session_id="ses_1", confirmation_id=asked.confirmation.confirmation_id, accepted=True
    )
    code, _ = await refused(policed.toolbox.stub(turn).Confirm(as_customer, timeout=CALL_S))
    assert code is not grpc.StatusCode.OK
    await policed.answer(asked, yes=False)
    assert (await policed.toolbox.execute("refund", ORDER)).error_reason == "CONFIRMATION_DECLINED"
    assert policed.provider.received == []


async def test_an_approval_that_comes_too_late_is_none(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database, provider.url, tool_policy=AT_ONCE, confirmation={"operator_ttl_s": 0.3}
        ) as toolbox,
    ):
        policed = Policed(toolbox, provider)
        await policed.put("large", NEED_APPROVAL, tools="refund")
        asked = await toolbox.execute("refund", ORDER)
        await policed.answer(asked, yes=True)
        await asyncio.sleep(0.4)
        again = await toolbox.execute("refund", ORDER)
        assert again.error_reason == "APPROVAL_REQUIRED"
        assert again.confirmation.confirmation_id != asked.confirmation.confirmation_id
        assert provider.received == []


async def test_rules_are_listed_in_their_order_page_by_page(policed: Policed) -> None:
    for rule_id, position in (("c", 5), ("a", 10), ("b", 10), ("d", 0)):
        await policed.put(rule_id, DENY, position)
    await policed.put("foreign", DENY, tenant="umbrella")
    assert await policed.listed() == ["d", "c", "a", "b"]
    first = await policed.policies().ListRules(pb.ListRulesRequest(page_size=3))
    assert first.otherwise == ALLOW
    assert await policed.listed(page_size=3, page_token=first.next_page_token) == ["b"]
    forged = pb.ListRulesRequest(page_token=first.next_page_token)
    assert (await refused(policed.policies("umbrella").ListRules(forged)))[1] == "INVALID_PAGE_TOKEN"


async def test_a_repeated_request_changes_nothing_further(policed: Policed) -> None:
    first = await policed.put("a", DENY, request_id="req_1")
    assert first.updated_by
    await policed.put("a", ALLOW, request_id="req_2")
    assert await policed.put("a", DENY, request_id="req_1") == first
    (now,) = (await policed.policies().ListRules(pb.ListRulesRequest())).rules
    assert now.decision == ALLOW
    reused = policed.put("b", DENY, request_id="req_1")
    assert await refused(reused) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    delete = pb.DeleteRuleRequest(rule_id="a", request_id="req_3")
    await policed.policies().DeleteRule(delete)
    await policed.policies().DeleteRule(delete)
    assert await policed.listed() == []
    gone = pb.DeleteRuleRequest(rule_id="a")
    assert (await refused(policed.policies().DeleteRule(gone)))[1] == "POLICY_RULE_NOT_FOUND"


async def test_what_is_no_condition_is_refused_and_not_stored(policed: Policed) -> None:
    for condition in ("amount > 100", "nope(amount)"):
        found = await refused(policed.put("a", DENY, condition=condition))
        assert found == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert await policed.listed() == []


async def test_only_administrators_of_the_tenant_keep_its_rules(policed: Policed) -> None:
    for call in (
        policed.policies("acme", "agent").PutRule(pb.PutRuleRequest()),
        policed.policies("acme", "agent").ListRules(pb.ListRulesRequest()),
        policed.policies("acme", "agent").DeleteRule(pb.DeleteRuleRequest(rule_id="a")),
        policed.policies("acme", "agent").ExplainCall(pb.ExplainCallRequest()),
    ):
        assert (await refused(call))[0] is grpc.StatusCode.PERMISSION_DENIED
    await policed.put("a", DENY, tenant="umbrella")
    assert (await policed.toolbox.execute("refund", ORDER)).status == SUCCESS
    theirs = pb.DeleteRuleRequest(rule_id="a")
    assert (await refused(policed.policies().DeleteRule(theirs)))[1] == "POLICY_RULE_NOT_FOUND"


async def test_a_call_and_a_rule_can_be_tried_without_effect(policed: Policed) -> None:
    await policed.put("large", DENY, 20, tools="refund", condition="amount > `100`", reason="too much")
    question = pb.ExplainCallRequest(
        agent_id="returns_desk", tool_name="refund", arguments_json='{"amount": 150}'
    )
    found = await policed.policies().ExplainCall(question)
    assert (found.decision, found.rule_id, found.reason) == (DENY, "large", "too much")
    question.candidate.CopyFrom(nouns.ToolPolicyRule(rule_id="vip", position=5, decision=ALLOW))
    tried = await policed.policies().ExplainCall(question)
    assert (tried.decision, [look.rule_id for look in tried.looks]) == (ALLOW, ["vip"])
    question.candidate.condition = "amount >"
    assert (await refused(policed.policies().ExplainCall(question)))[1] == "INVALID_FIELD"
    unknown = pb.ExplainCallRequest(agent_id="returns_desk", tool_name="nothing")
    assert (await refused(policed.policies().ExplainCall(unknown)))[1] == "TOOL_NOT_FOUND"
    assert await policed.listed() == ["large"]
    assert policed.provider.received == []


async def test_a_policy_has_room_for_so_many_rules(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tool_policy={"rules_per_tenant": 1}) as toolbox,
    ):
        policed = Policed(toolbox, provider)
        await policed.put("a", DENY)
        assert await refused(policed.put("b", DENY)) == (grpc.StatusCode.FAILED_PRECONDITION, "POLICY_FULL")
        await policed.put("a", ALLOW)
        assert await policed.listed() == ["a"]


async def test_two_rules_at_once_do_not_both_take_the_last_place(database: str) -> None:
    first_rule, second_rule = (Rule(rule_id, 0, Decision.DENY) for rule_id in ("a", "b"))
    async with asyncpg.create_pool(database, min_size=2, max_size=3) as pool, pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        one_connection: Any = connection
        await PostgresToolRules(one_connection, 1).put("acme", first_rule, "")
        second = asyncio.create_task(PostgresToolRules(pool, 1).put("acme", second_rule, ""))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

        async def settled() -> bool:
            return second.done() or bool(await pool.fetchval(waits))

        await until(settled, "the second waits for the first")
        await transaction.commit()
        with pytest.raises(errors.PolicyFull):
            await second


async def test_a_deployment_may_deny_what_no_rule_allows(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database, provider.url, tool_policy={**AT_ONCE, "default": "DENY"}
        ) as toolbox,
    ):
        policed = Policed(toolbox, provider)
        assert (await toolbox.execute("look_up", ORDER)).error_reason == "POLICY_DENIED"
        await policed.put("reads", ALLOW, tools="look_*")
        assert (await toolbox.execute("look_up", {"order_id": "1"})).status == SUCCESS


async def test_while_postgres_is_away_nothing_is_sent(
    policed: Policed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object, **__: object) -> object:
        raise asyncpg.CannotConnectNowError("the database system is shutting down")

    monkeypatch.setattr(asyncpg.Pool, "fetch", lost)
    for tool in ("look_up", "refund"):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await policed.toolbox.execute(tool, {"order_id": "1"})
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "shutting down" not in str(caught.value.details())
    assert policed.provider.received == []
    assert policed.decided("NONE") == 2
