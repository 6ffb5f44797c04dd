"""Who may call the toolbox, what it refuses as malformed, and its lists."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from focal.toolbox.v1 import effect_pb2, tool_gateway_service_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1.tool_gateway_service_pb2_grpc import ToolGatewayServiceStub
from focal_service_kit import errors
from tests.doubles import tool_provider
from tests.fakes import running_toolbox
from tests.fakes.running_toolbox import Turn

pytestmark = pytest.mark.migrated("focal_toolbox")

NOWHERE = "http://127.0.0.1:1"
ORDER = {"order_id": "10003"}


async def _refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await (_drained(call) if hasattr(call, "__aiter__") else call)
    return caught.value.code(), errors.from_rpc(caught.value).reason


async def _drained(stream: Any) -> None:
    async for _ in stream:
        pass


@pytest.mark.parametrize("change", [{"session_id": "ses_9"}, {"turn_id": "trn_9"}, {"epoch": 9}])
async def test_a_call_for_another_attempt_than_the_tokens_is_refused(
    database: str, change: dict[str, Any]
) -> None:
    """Break: return the tenant from `callers.of_attempt` without comparing."""
    async with running_toolbox.serving(database, NOWHERE) as toolbox:
        request = pb.ExecuteRequest(
            context=Turn(**change).context(), call=tool_pb2.ToolCall(tool_name="refund")
        )
        refusal = await _refusal(toolbox.stub(Turn()).Execute(request, timeout=5))
    assert refusal == (grpc.StatusCode.PERMISSION_DENIED, "INSUFFICIENT_PERMISSIONS")


async def test_people_of_a_tenant_may_not_cause_effects(database: str) -> None:
    async with running_toolbox.serving(database, NOWHERE) as toolbox:
        person = toolbox.stub()
        gateway = ToolGatewayServiceStub(toolbox.running.channel())
        calls = [
            person.Execute(pb.ExecuteRequest(context=Turn().context()), timeout=5),
            person.Fence(pb.FenceRequest(session_id="s", epoch=1, turn_group_id="g"), timeout=5),
            gateway.Invoke(tool_gateway_service_pb2.InvokeRequest(), timeout=5),
            gateway.ListProviders(tool_gateway_service_pb2.ListProvidersRequest(), timeout=5),
        ]
        for call in calls:
            refusal = await _refusal(call)
            assert refusal == (grpc.StatusCode.PERMISSION_DENIED, "INSUFFICIENT_PERMISSIONS")


async def test_a_fence_for_another_session_than_the_tokens_is_refused(database: str) -> None:
    async with running_toolbox.serving(database, NOWHERE) as toolbox:
        request = pb.FenceRequest(session_id="ses_9", epoch=1, turn_group_id="grp_1")
        refusal = await _refusal(toolbox.stub(Turn()).Fence(request, timeout=5))
    assert refusal[0] == grpc.StatusCode.PERMISSION_DENIED


BAD_ORDERS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no tool": ({}, {"tool_name": ""}, "INVALID_FIELD"),
    "no JSON": ({}, {"arguments_json": "{"}, "INVALID_FIELD"),
    "no object": ({}, {"arguments_json": "[1]"}, "INVALID_FIELD"),
    "a key twice": ({}, {"arguments_json": '{"a":1,"a":2}'}, "INVALID_FIELD"),
    "a megabyte": ({}, {"arguments_json": '{"a":"%s"}' % ("x" * 2**20)}, "INVALID_FIELD"),
    "negative occurrence": ({}, {"occurrence": -1}, "INVALID_FIELD"),
    "endless occurrence": ({}, {"occurrence": 10**6}, "INVALID_FIELD"),
    "negative version": ({"config_version": -1}, {}, "INVALID_FIELD"),
    "a colon in the agent": ({"agent_id": "a:b"}, {}, "INVALID_ID"),
    "no turn group": ({"turn_group_id": ""}, {}, "INVALID_ID"),
    "a control character": ({"turn_group_id": "g\n"}, {}, "INVALID_ID"),
    "an unknown agent": ({"agent_id": "nobody"}, {}, "AGENT_NOT_FOUND"),
    "an unknown version": ({"config_version": 7}, {}, "VERSION_NOT_FOUND"),
}


@pytest.mark.parametrize("name", BAD_ORDERS)
async def test_a_malformed_order_is_an_error_and_leaves_nothing(database: str, name: str) -> None:
    context, call, reason = BAD_ORDERS[name]
    async with running_toolbox.serving(database, NOWHERE) as toolbox:
        request = pb.ExecuteRequest(
            context=Turn().context(),
            call=tool_pb2.ToolCall(tool_name="refund", arguments_json='{"order_id":"1"}'),
        )
        for part, changes in ((request.context, context), (request.call, call)):
            for field, value in changes.items():
                setattr(part, field, value)
        status, found = await _refusal(toolbox.stub(Turn()).Execute(request, timeout=5))
        assert found == reason
        assert status in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
        assert await toolbox.effects() == []


async def test_an_epoch_below_one_is_refused(database: str) -> None:
    async with running_toolbox.serving(database, NOWHERE) as toolbox:
        assert (await _refusal(toolbox.call("refund", ORDER, Turn(epoch=0))))[1] == "INVALID_FIELD"


async def test_every_violation_of_the_schema_is_named_and_nothing_is_reserved(database: str) -> None:
    """Break: skip `Schemas.check`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        result = await toolbox.execute("refund", {"amount": -5, "colour": "red"})
        assert result.status == tool_pb2.TOOL_STATUS_REFUSED
        assert result.error_reason == "INVALID_TOOL_ARGUMENTS"
        for words in ("'order_id' is a required property", "/amount: must satisfy minimum 0", "'colour'"):
            assert words in result.error_message
        assert "-5" not in result.error_message
        assert not result.commit_point_reached
        assert await toolbox.effects() == []
        assert provider.received == []


async def test_an_irreversible_call_over_unknown_messages_is_refused_before_anything_is_reserved(
    database: str,
) -> None:
    """Break: leave `pending_messages.check` out of `Execution.execute`."""
    blind = Turn(no_pending_messages=False)
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        result = await toolbox.execute("refund", ORDER, blind)
        assert result.status == tool_pb2.TOOL_STATUS_REFUSED
        assert result.error_reason == "PENDING_MESSAGES_UNKNOWN"
        assert not result.commit_point_reached
        assert await toolbox.effects() == []
        assert (await toolbox.execute("reserve", ORDER, blind)).status == tool_pb2.TOOL_STATUS_SUCCESS
        assert (await toolbox.execute("refund", ORDER)).status == tool_pb2.TOOL_STATUS_SUCCESS
        assert len(provider.received) == 2


REFUSED_TOOLS = {
    "absent": "TOOL_NOT_FOUND",
    "disabled": "TOOL_NOT_FOUND",
    "keyless": "INVALID_BUNDLE",
    "broken_schema": "INVALID_BUNDLE",
    "remote_schema": "INVALID_BUNDLE",
    "unset_variable": "PROVIDER_NOT_CONFIGURED",
    "no_such_provider": "PROVIDER_NOT_CONFIGURED",
    "odd_config": "PROVIDER_NOT_CONFIGURED",
}


@pytest.mark.parametrize("name", REFUSED_TOOLS)
async def test_a_tool_that_cannot_be_used_is_refused_before_anything_is_reserved(
    database: str, name: str
) -> None:
    make = running_toolbox.tool
    irreversible = running_toolbox.IRREVERSIBLE
    disabled, elsewhere = make("disabled", irreversible), make("no_such_provider", irreversible)
    disabled.enabled, elsewhere.provider = False, "carrier_pigeon"
    tools = [
        disabled,
        elsewhere,
        make("keyless", irreversible, keys=()),
        make("broken_schema", irreversible, schema={"type": "nonsense"}),
        make("remote_schema", irreversible, schema={"$ref": f"{NOWHERE}/schema.json"}),
        make("unset_variable", irreversible, config={"url": "${NOT_SET}/x"}),
        make("odd_config", irreversible, config={"url": "http://127.0.0.1:1", "verb": "GET"}),
    ]
    async with running_toolbox.serving(database, NOWHERE, tools=tools) as toolbox:
        result = await toolbox.execute(name, ORDER)
        assert (result.status, result.error_reason) == (tool_pb2.TOOL_STATUS_REFUSED, REFUSED_TOOLS[name])
        assert await toolbox.effects() == []


@pytest.mark.parametrize("value", [None, ""])
async def test_a_missing_business_key_value_is_refused(database: str, value: str | None) -> None:
    tools = [running_toolbox.tool("refund", running_toolbox.IRREVERSIBLE, schema={})]
    async with running_toolbox.serving(database, NOWHERE, tools=tools) as toolbox:
        result = await toolbox.execute("refund", {"order_id": value})
        assert result.error_reason == "INVALID_TOOL_ARGUMENTS"
        assert await toolbox.effects() == []


async def test_anybody_of_the_tenant_may_list_the_tools(database: str) -> None:
    hidden = running_toolbox.tool("archive", running_toolbox.PURE)
    hidden.enabled = False
    async with running_toolbox.serving(database, NOWHERE, tools=[*running_toolbox.TOOLS, hidden]) as toolbox:
        request = pb.ListToolsRequest(agent_id="returns_desk")
        tools = (await toolbox.stub().ListTools(request, timeout=5)).tools
        assert [tool.name for tool in tools] == sorted(
            ["archive", *(tool.name for tool in running_toolbox.TOOLS)]
        )
        assert [tool.name for tool in tools if not tool.enabled] == ["archive"]
        (refund,) = [tool for tool in tools if tool.name == "refund"]
        assert refund.policy == running_toolbox.IRREVERSIBLE
        narrowed = pb.ListToolsRequest(agent_id="returns_desk", enabled_only=True)
        enabled = (await toolbox.stub().ListTools(narrowed, timeout=5)).tools
        assert "archive" not in [tool.name for tool in enabled]
        assert list(refund.business_key_fields) == ["order_id"]


async def test_version_zero_is_the_current_one(database: str) -> None:
    tools = running_toolbox.TOOLS
    async with running_toolbox.serving(
        database, NOWHERE, tools=tools[:1], bundles={"pointer_ttl_s": 0.05}
    ) as toolbox:

        async def names(version: int = 0) -> list[str]:
            request = pb.ListToolsRequest(agent_id="returns_desk", config_version=version)
            return [tool.name for tool in (await toolbox.stub().ListTools(request, timeout=5)).tools]

        assert await names() == ["look_up"]
        toolbox.bundles.publish(tools[1:2])
        seen = await names()
        for _ in range(200):
            if seen == ["label"]:
                break
            seen = await names()
        assert seen == ["label"]
        assert await names(1) == ["look_up"]
        assert toolbox.bundles.fetches == 2


async def test_many_who_miss_a_bundle_at_once_fetch_it_once(database: str) -> None:
    async with running_toolbox.serving(database, NOWHERE) as toolbox:
        stub, request = toolbox.stub(), pb.ListToolsRequest(agent_id="returns_desk", config_version=1)
        await asyncio.gather(*(stub.ListTools(request, timeout=5) for _ in range(20)))
        assert toolbox.bundles.fetches == 1


async def test_a_damaged_bundle_is_not_served(database: str) -> None:
    async with running_toolbox.serving(database, NOWHERE) as toolbox:
        toolbox.bundles.damage = True
        request = pb.ListToolsRequest(agent_id="returns_desk", config_version=1)
        refusal = await _refusal(toolbox.stub().ListTools(request, timeout=5))
        assert refusal == (grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
        toolbox.bundles.damage = False
        assert (await toolbox.stub().ListTools(request, timeout=5)).tools


async def test_effects_are_listed_in_pages_newest_first(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        for number in range(5):
            await toolbox.execute("label", {"order_id": str(number)})
        seen, token = [], ""
        for _ in range(3):
            request = pb.ListEffectsRequest(page_size=2, page_token=token)
            page = await toolbox.stub().ListEffects(request, timeout=5)
            seen += [effect.arguments_json for effect in page.effects]
            token = page.next_page_token
        assert token == ""
        assert seen == [f'{{"order_id":"{number}"}}' for number in (4, 3, 2, 1, 0)]


async def test_effects_are_filtered_by_session_and_state(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(tool_provider.answer(), tool_provider.answer(404), tool_provider.answer())
        await toolbox.execute("refund", {"order_id": "1"})
        await toolbox.execute("refund", {"order_id": "2"})
        await toolbox.execute("refund", {"order_id": "3"}, Turn(session_id="ses_2"))
        assert len(await toolbox.effects(session_id="ses_1")) == 2
        (failed,) = await toolbox.effects(state=effect_pb2.EFFECT_STATE_FAILED)
        assert failed.arguments_json == '{"order_id":"2"}'


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"page_size": -1}, "INVALID_FIELD"),
        ({"session_id": "a b"}, "INVALID_ID"),
        ({"state": 99}, "INVALID_FIELD"),
        ({"page_token": "%%%"}, "INVALID_PAGE_TOKEN"),
        ({"page_token": "AAAA"}, "INVALID_PAGE_TOKEN"),
    ],
)
async def test_a_malformed_list_is_refused(database: str, changes: dict[str, Any], reason: str) -> None:
    async with running_toolbox.serving(database, NOWHERE) as toolbox:
        call = toolbox.stub().ListEffects(pb.ListEffectsRequest(**changes), timeout=5)
        assert await _refusal(call) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


async def test_a_service_may_invoke_a_provider_directly(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        token = toolbox.running.deployment.internal_token("toolbox", service="toolbox")
        gateway = ToolGatewayServiceStub(toolbox.running.channel(token))
        providers = await gateway.ListProviders(tool_gateway_service_pb2.ListProvidersRequest(), timeout=5)
        assert ("http", True) in [(one.name, one.available) for one in providers.providers]
        request = tool_gateway_service_pb2.InvokeRequest(
            provider="http",
            provider_config_json='{"url":"${PROVIDER}/x"}',
            arguments_json='{"a":1}',
            idempotency_key="key_1",
        )
        provider.behave(tool_provider.answer(), tool_provider.hang_up)
        answered = (await gateway.Invoke(request, timeout=5)).result
        doubtful = (await gateway.Invoke(request, timeout=5)).result
        assert answered.status == tool_pb2.TOOL_STATUS_SUCCESS
        assert doubtful.status == tool_pb2.TOOL_STATUS_IN_DOUBT
        assert provider.received[0].headers["idempotency-key"] == "key_1"
        request.provider = "pigeon"
        refused = (await gateway.Invoke(request, timeout=5)).result
        assert refused.error_reason == "PROVIDER_NOT_CONFIGURED"
