"""Secrets on their way to providers, and nowhere else."""

from __future__ import annotations

import base64
import io
import json
import logging as stdlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from focal.toolbox.v1 import tool_pb2
from focal_service_kit import logging as focal_logging
from focal_service_kit import settings
from tests.doubles import tool_provider
from tests.fakes import effects_schema, running_toolbox
from tests.fakes.running_toolbox import Turn

pytestmark = pytest.mark.migrated("focal_toolbox")

SECRET = "sk_LIVE-0123456789"
OTHER = "of-the-other-tenant"
URL = "${PROVIDER}/act"


def _tool(name: str, policy: Any = running_toolbox.IRREVERSIBLE, **config: Any) -> Any:
    return running_toolbox.tool(name, policy, schema={}, config={"url": URL, **config})


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Secrets as a cluster mounts them: one of the tenant, one of another."""
    for tenant, value in (("acme", SECRET), ("other", OTHER)):
        (tmp_path / tenant).mkdir()
        (tmp_path / tenant / "SHOP_TOKEN").write_text(value + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("auth", "header", "value", "target"),
    [
        ({"bearer": "${SHOP_TOKEN}"}, "authorization", f"Bearer {SECRET}", "/act"),
        (
            {"basic": {"username": "shop", "password": "${shop_token}"}},
            "authorization",
            "Basic " + base64.b64encode(f"shop:{SECRET}".encode()).decode(),
            "/act",
        ),
        ({"header": {"name": "X-Api-Key", "value": "v1 ${SHOP_TOKEN}"}}, "x-api-key", f"v1 {SECRET}", "/act"),
        (
            {"query": {"name": "key", "value": "${SHOP_TOKEN}"}},
            "authorization",
            None,
            f"/act?a=1&key={SECRET}",
        ),
    ],
)
async def test_a_call_carries_its_tenants_secret(
    database: str, directory: Path, auth: dict[str, Any], header: str, value: str | None, target: str
) -> None:
    query = {"a": "1"} if "query" in auth else {}
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database,
            provider.url,
            tools=[_tool("act", auth=auth, query=query)],
            secrets={"directory": directory},
        ) as toolbox,
    ):
        assert (await toolbox.execute("act", {"order_id": "1"})).status == tool_pb2.TOOL_STATUS_SUCCESS
    (received,) = provider.received
    assert received.headers.get(header) == value
    assert received.target == target


async def test_a_secret_that_is_not_there_is_named_and_nothing_sent(database: str, tmp_path: Path) -> None:
    (tmp_path / "SHORT").write_text("1234567")
    tools = [_tool("act", auth={"bearer": "${NOPE}"}), _tool("brief", auth={"bearer": "${SHORT}"})]
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database, provider.url, tools=tools, secrets={"directory": tmp_path}
        ) as toolbox,
    ):
        for name, secret in (("act", "NOPE"), ("brief", "SHORT")):
            result = await toolbox.execute(name, {"order_id": "1"})
            assert (result.status, result.error_reason) == (
                tool_pb2.TOOL_STATUS_REFUSED,
                "PROVIDER_NOT_CONFIGURED",
            )
            assert secret in result.error_message
            assert "1234567" not in result.error_message
    assert provider.received == []


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a process writes at its most talkative."""
    out = io.StringIO()
    root = stdlib.getLogger()
    before, level, configured = root.handlers[:], root.level, structlog.get_config()
    focal_logging.configure(settings.LoggingSettings(level="debug", format="json"), "toolbox", out)
    yield out
    structlog.configure(**configured)
    root.handlers[:] = before
    root.setLevel(level)


ECHOES = (
    tool_provider.answer(body=json.dumps({"you_sent": f"Bearer {SECRET}", SECRET: [SECRET], "else": OTHER})),
    tool_provider.answer(400, json.dumps({"error": {"code": SECRET, "message": SECRET}})),
    tool_provider.answer(500, SECRET),
    tool_provider.answer(503, SECRET, headers=f"X-Echo: {SECRET}\r\n"),
    tool_provider.answer(body=f"no JSON {SECRET}"),
    tool_provider.hang_up,
)


async def test_no_trace_of_a_secret_is_left_although_the_provider_echoes_it(
    database: str, directory: Path, log: io.StringIO
) -> None:
    """Logs at debug, every answer on the wire and every row of the toolbox are searched.

    Break: leave the secrets out of the Courier, or `concealing` out of `provision.secrets`.
    """
    tools = [
        _tool("act", auth={"bearer": "${SHOP_TOKEN}"}),
        _tool(
            "read",
            running_toolbox.PURE,
            method="GET",
            auth={"query": {"name": "k", "value": "${SHOP_TOKEN}"}},
        ),
    ]
    texts: list[str] = []
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database, provider.url, tools=tools, secrets={"directory": directory}
        ) as toolbox,
    ):
        for number, echo in enumerate(ECHOES):
            provider.behave(echo)
            turn = Turn("ses_1", f"trn_{number}", f"grp_{number}", number + 1)
            for name in ("act", "read"):
                events = [event async for event in toolbox.call(name, {"order_id": str(number)}, turn)]
                texts += map(str, events)
        texts += [str(effect) for effect in await toolbox.effects(page_size=100)]
        # What a bug in an adapter, or a library, would write.
        focal_logging.get("adapter").error("failed", exc_info=RuntimeError(f"no {SECRET}"))
        stdlib.getLogger("httpx").error("failed with %s", SECRET)
    assert len(provider.received) > len(ECHOES)
    assert any("[secret]" in text for text in texts)
    texts += [*await effects_schema.rows(database), *log.getvalue().splitlines()]
    assert "RuntimeError: no [secret]" in log.getvalue()
    assert "failed with [secret]" in log.getvalue()
    for text in texts:
        assert SECRET.lower() not in text.lower()
        assert OTHER not in text
