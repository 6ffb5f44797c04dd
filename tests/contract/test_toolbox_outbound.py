"""Where tools of a running toolbox may lead."""

from __future__ import annotations

from typing import Any

import pytest

from focal.toolbox.v1 import tool_pb2
from tests.doubles import tool_provider
from tests.fakes import running_toolbox

pytestmark = pytest.mark.migrated("focal_toolbox")


async def _called(
    database: str,
    url: str,
    arguments: dict[str, Any],
    provider_url: str = "http://shop.invalid",
    **outbound: Any,
) -> tuple[Any, list[Any]]:
    """The result of a keyed call to `url`, and the rows of the ledger."""
    tools = [running_toolbox.tool("act", running_toolbox.IRREVERSIBLE, schema={}, config={"url": url})]
    async with running_toolbox.serving(database, provider_url, tools=tools, outbound=outbound) as toolbox:
        result = await toolbox.execute("act", {"order_id": "1", **arguments})
        return result, await toolbox.effects()


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        ("http://api.example.org/x", {}),
        ("http://{host}/x", {"host": "api.example.org"}),
        ("${PROVIDER}{rest}", {"rest": ".evil.example.org"}),
        ("${PROVIDER}:{port}/", {"port": 6379}),
        ("http://169.254.169.254/latest/meta-data", {}),
    ],
)
async def test_a_host_that_nobody_allowed_is_refused_before_anything_is_reserved(
    database: str, url: str, arguments: dict[str, Any]
) -> None:
    result, effects = await _called(database, url, arguments)
    assert (result.status, result.error_reason) == (tool_pb2.TOOL_STATUS_REFUSED, "HOST_NOT_ALLOWED")
    assert effects == []


async def test_any_host_does_not_mean_one_that_an_argument_names(database: str) -> None:
    """Break: let `HttpProvider._stated` say True."""
    result, _ = await _called(database, "http://{host}/x", {"host": "api.example.org"}, hosts=("*",))
    assert result.error_reason == "HOST_NOT_ALLOWED"


async def test_a_private_address_behind_an_allowed_name_fails_and_changes_nothing(database: str) -> None:
    """Break: leave the check out of `Outbound.addresses`."""
    async with tool_provider.serving() as provider:
        url = provider.url.replace("127.0.0.1", "localhost")
        result, effects = await _called(database, "${PROVIDER}/x", {}, url, networks=())
    assert (result.status, result.error_reason) == (tool_pb2.TOOL_STATUS_ERROR, "address_not_allowed")
    assert [effect.attempts for effect in effects] == [1]
    assert provider.received == []


async def test_a_tenants_own_hosts_are_reached(database: str) -> None:
    async with tool_provider.serving() as provider:
        place = provider.url.removeprefix("http://")
        hosts = {running_toolbox.TENANT: (place,)}
        result, _ = await _called(database, f"{provider.url}/x", {}, tenant_hosts=hosts)
        assert result.status == tool_pb2.TOOL_STATUS_SUCCESS
        refused, _ = await _called(database, f"{provider.url}/x", {}, tenant_hosts={"other": (place,)})
        assert refused.error_reason == "HOST_NOT_ALLOWED"
