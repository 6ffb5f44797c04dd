"""Redirects: off unless a reading tool's definition allows some, each checked like the first URL."""

from __future__ import annotations

from typing import Any

import pytest

from focal.toolbox.v1 import tool_pb2
from tests.doubles import tool_provider
from tests.doubles.tool_provider import Behaviour
from tests.fakes import running_toolbox

pytestmark = pytest.mark.migrated("focal_toolbox")

TOKEN = "a-token-of-ours"


def _to(location: str, status: int = 302) -> Behaviour:
    return tool_provider.answer(status, headers=f"Location: {location}\r\n")


def _tool(redirects: int, policy: Any = running_toolbox.PURE) -> Any:
    config = {
        "method": "GET",
        "url": "${PROVIDER}/a",
        "auth": {"bearer": "${TOKEN}"},
        "headers": {"X-Shop": "7"},
        "redirects": redirects,
    }
    return running_toolbox.tool("look_up", policy, keys=(), schema={}, config=config)


async def _called(database: str, url: str, tool: Any, **overrides: Any) -> Any:
    async with running_toolbox.serving(
        database, url, tools=[tool], variables={"TOKEN": TOKEN}, **overrides
    ) as toolbox:
        return await toolbox.execute("look_up", {})


async def test_a_redirect_within_a_host_is_followed_with_its_credentials(database: str) -> None:
    async with tool_provider.serving() as provider:
        provider.behave(_to("/b?x=1"), _to("c", 307), tool_provider.answer())
        result = await _called(database, provider.url, _tool(2))
    assert result.status == tool_pb2.TOOL_STATUS_SUCCESS
    assert [each.target for each in provider.received] == ["/a", "/b?x=1", "/c"]
    assert {each.headers["authorization"] for each in provider.received} == {f"Bearer {TOKEN}"}


async def test_another_host_gets_no_credentials(database: str) -> None:
    """Break: keep `request.headers` in `HttpDispatch._redirected`."""
    async with tool_provider.serving() as provider, tool_provider.serving() as other:
        provider.behave(_to(f"{other.url}/b"))
        hosts = (other.url.removeprefix("http://"),)
        networks = ("127.0.0.0/8",)
        outbound = {"hosts": hosts, "networks": networks}
        result = await _called(database, provider.url, _tool(1), outbound=outbound)
        assert result.status == tool_pb2.TOOL_STATUS_SUCCESS
        (received,) = other.received
        assert not {"authorization", "x-shop"} & received.headers.keys()


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest",
        "http://evil.example.org/",
        "file:///etc/passwd",
        "//10.0.0.1/",
    ],
)
async def test_a_redirect_to_where_no_tool_may_lead_is_refused(database: str, location: str) -> None:
    """Break: leave `outbound.check` out of `HttpDispatch._redirected`."""
    async with tool_provider.serving() as provider:
        provider.behave(_to(location))
        result = await _called(database, provider.url, _tool(3), outbound={"hosts": ("*",)})
    assert (result.status, result.error_reason) == (tool_pb2.TOOL_STATUS_ERROR, "redirect_refused")
    assert len(provider.received) == 1


@pytest.mark.parametrize(
    ("tool", "status", "requests"),
    [
        (_tool(0), tool_pb2.TOOL_STATUS_ERROR, 1),
        (_tool(2), tool_pb2.TOOL_STATUS_ERROR, 3),
        (_tool(2, running_toolbox.IDEMPOTENT), tool_pb2.TOOL_STATUS_IN_DOUBT, 1),
    ],
)
async def test_no_redirect_is_followed_beyond_what_is_allowed_and_none_of_an_act(
    database: str, tool: Any, status: Any, requests: int
) -> None:
    async with tool_provider.serving() as provider:
        provider.behave(_to("/a"))
        result = await _called(database, provider.url, tool)
    assert (result.status, result.error_reason) == (status, "http_302")
    assert len(provider.received) == requests
