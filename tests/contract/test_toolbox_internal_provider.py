"""Functions of a package, called through the running toolbox with its ledger."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from focal.config.v1 import tool_definition_pb2
from focal.toolbox.v1 import tool_gateway_service_pb2 as gateway_pb
from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1.tool_gateway_service_pb2_grpc import ToolGatewayServiceStub
from focal_service_kit.config_sources import ConfigError
from tests.doubles import tool_functions
from tests.fakes import running_toolbox

pytestmark = pytest.mark.migrated("focal_toolbox")

PACKAGE = {"packages": ["tests.doubles.tool_functions:shop"]}


def _tool(function: str, policy: Any, **more: Any) -> tool_definition_pb2.ToolDefinition:
    found = running_toolbox.tool(function, policy, schema={}, config={"function": function}, **more)
    found.provider = "internal"
    return found


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    tool_functions.let_go.clear()
    yield
    tool_functions.let_go.set()


async def test_a_function_pays_once_with_exact_numbers_and_tells_how_far_it_is(database: str) -> None:
    tools = [_tool("refund", running_toolbox.IRREVERSIBLE)]
    arguments = '{"order_id": "1", "amount": 0.10000000000000000001}'
    async with running_toolbox.serving(database, "", tools=tools, internal=PACKAGE) as toolbox:
        events = [event async for event in toolbox.call("refund", arguments)]
        repeated = await toolbox.execute("refund", arguments)
    assert [event.WhichOneof("event") for event in events] == ["started", "progress", "result"]
    assert (events[1].progress.message, events[1].progress.fraction) == ("paying", 0.5)
    result = events[-1].result
    assert json.loads(result.result_json, parse_float=Decimal) == {
        "refund": {"order": "1", "amount": Decimal("0.10000000000000000001")},
        "tenant": "acme",
    }
    assert tool_functions.paid[result.effect_key] == Decimal("0.10000000000000000001")
    assert repeated.status == tool_pb2.TOOL_STATUS_CACHED


async def test_a_failure_is_in_doubt_and_a_refusal_is_not(database: str) -> None:
    tools = [
        _tool("fail", running_toolbox.IRREVERSIBLE, keys=("secret",)),
        _tool("refund", running_toolbox.IRREVERSIBLE),
        _tool("hold", running_toolbox.COMPENSATABLE, keys=(), timeout_ms=50),
    ]
    tools[2].policy = running_toolbox.IDEMPOTENT
    async with running_toolbox.serving(database, "", tools=tools, internal=PACKAGE) as toolbox:
        failed = await toolbox.execute("fail", {"secret": "4111"})
        refused = await toolbox.execute("refund", {"order_id": "none", "amount": 1})
        late = await toolbox.execute("hold", {})
        texts = [str(failed), *(str(effect) for effect in await toolbox.effects())]
    assert (failed.status, failed.error_reason) == (tool_pb2.TOOL_STATUS_IN_DOUBT, "function_failed")
    assert (refused.status, refused.error_reason) == (tool_pb2.TOOL_STATUS_ERROR, "order_not_found")
    assert (late.status, late.error_reason) == (tool_pb2.TOOL_STATUS_IN_DOUBT, "timeout")
    assert not any("no luck" in text for text in texts)


async def test_the_gateway_lists_what_it_can_use_and_why_not(database: str) -> None:
    async with running_toolbox.serving(database, "") as toolbox:
        token = toolbox.running.deployment.internal_token("toolbox", "toolbox")
        stub: Any = ToolGatewayServiceStub(toolbox.running.channel(token))
        listed = await stub.ListProviders(gateway_pb.ListProvidersRequest(), timeout=5)
    found = {one.name: (one.available, one.reason) for one in listed.providers}
    assert found["http"] == (True, "")
    assert found["grpc"] == (True, "")
    assert found["mcp"] == (False, "the setting mcp.servers names no servers")
    assert found["internal"] == (False, "the setting internal.packages names no functions")


async def test_a_package_that_cannot_be_imported_keeps_the_toolbox_from_starting(database: str) -> None:
    with pytest.raises(ConfigError, match=r"no\.such\.module"):
        async with running_toolbox.serving(database, "", internal={"packages": ["no.such.module:x"]}):
            pass
