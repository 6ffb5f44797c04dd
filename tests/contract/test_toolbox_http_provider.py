"""What the http provider puts on the wire, what it takes from it, and the example's own shop."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from focal.toolbox.v1 import tool_pb2
from focal_cli.local import ports
from tests.doubles import tool_provider
from tests.fakes import running_toolbox
from tests.fakes.running_toolbox import Turn

pytestmark = pytest.mark.migrated("focal_toolbox")

ORDERS = Path(__file__).parents[2] / "examples" / "order_service"


async def _sent(database: str, config: dict[str, Any], arguments: object) -> tool_provider.Received:
    tools = [running_toolbox.tool("act", running_toolbox.IDEMPOTENT, keys=(), schema={}, config=config)]
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tools=tools) as toolbox,
    ):
        result = await toolbox.execute("act", arguments)
        assert result.status == tool_pb2.TOOL_STATUS_SUCCESS, result
        (received,) = provider.received
        return received


async def test_arguments_are_one_piece_of_text_in_the_url(database: str) -> None:
    config = {"method": "GET", "url": "${PROVIDER}/orders/{id}/x?note={note}"}
    received = await _sent(database, config, {"id": "a/../b?c#d", "note": "ä & {id} ${PROVIDER}"})
    assert received.target == (
        "/orders/a%2F..%2Fb%3Fc%23d/x?note=%C3%A4%20%26%20%7Bid%7D%20%24%7BPROVIDER%7D"
    )


async def test_a_body_keeps_the_types_of_its_arguments(database: str) -> None:
    config = {
        "url": "${PROVIDER}/x",
        "body": {"amount": "{amount}", "text": "order {id}", "tags": ["{tag}", "{absent}"], "no": "{absent}"},
    }
    received = await _sent(database, config, '{"amount": 59.90, "id": 9007199254740993, "tag": null}')
    assert json.loads(received.body, parse_float=Decimal) == {
        "amount": Decimal("59.9"),
        "text": "order 9007199254740993",
        "tags": [],
    }
    assert received.headers["content-type"] == "application/json"


async def test_query_and_headers_are_filled(database: str) -> None:
    config = {
        "method": "GET",
        "url": "${PROVIDER}/x?fixed=1",
        "query": {"delay_ms": "{delay}", "absent": "{absent}"},
        "headers": {"X-Order": "no {id}"},
    }
    received = await _sent(database, config, {"delay": 5, "id": "7"})
    assert received.target == "/x?fixed=1&delay_ms=5"
    assert received.headers["x-order"] == "no 7"


@pytest.mark.parametrize(
    ("config", "arguments"),
    [
        ({"url": "${PROVIDER}/{id}"}, {}),
        ({"url": "${PROVIDER}/{id}"}, {"id": ".."}),
        ({"url": "${PROVIDER}/{id}"}, {"id": ""}),
        ({"url": "${PROVIDER}/x", "headers": {"X-Order": "{id}"}}, {"id": "1\r\nX-Evil: 1"}),
    ],
)
async def test_arguments_that_would_change_the_request_are_refused(
    database: str, config: dict[str, Any], arguments: object
) -> None:
    tools = [running_toolbox.tool("act", running_toolbox.IDEMPOTENT, keys=(), schema={}, config=config)]
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tools=tools) as toolbox,
    ):
        result = await toolbox.execute("act", arguments)
        assert result.status == tool_pb2.TOOL_STATUS_REFUSED
        assert result.error_reason == "INVALID_TOOL_ARGUMENTS"
        assert provider.received == []
        assert await toolbox.effects() == []


async def test_an_answer_over_the_limit_is_not_read_to_its_end(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, http={"max_response_bytes": 1000}) as toolbox,
    ):
        provider.behave(tool_provider.answer(body=json.dumps("x" * 100_000)))
        result = await toolbox.execute("refund", {"order_id": "1"})
    assert (result.status, result.error_reason) == (tool_pb2.TOOL_STATUS_IN_DOUBT, "response_too_large")


@pytest.mark.parametrize(
    ("body", "result_json"),
    [("", "null"), ('{"b": 1.10, "a": [1e2]}', '{"a":[100],"b":1.1}'), ("12345678901234567890", None)],
)
async def test_an_answer_is_made_canonical(database: str, body: str, result_json: str | None) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(tool_provider.answer(body=body))
        result = await toolbox.execute("refund", {"order_id": "1"})
    assert result.result_json == (body if result_json is None else result_json)


async def test_no_error_repeats_a_secret_or_a_body(database: str) -> None:
    tools = [
        running_toolbox.tool(
            "act",
            running_toolbox.IRREVERSIBLE,
            config={"url": "${PROVIDER}/x", "headers": {"Authorization": "Bearer ${PROVIDER}"}},
        )
    ]
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tools=tools) as toolbox,
    ):
        provider.behave(tool_provider.answer(400, "your card 4111 is declined"), tool_provider.hang_up)
        texts = [str(await toolbox.execute("act", {"order_id": str(number)})) for number in range(2)]
        texts += [str(effect) for effect in await toolbox.effects()]
    assert "http_400" in texts[0]
    assert not any("4111" in text or provider.url in text for text in texts)


async def test_a_keyed_request_does_not_reuse_a_connection_and_a_read_does(database: str) -> None:
    """On a kept connection a server that hangs up while we send leaves a needless doubt.

    Break: send keyed requests through `clients.pooled`.
    """
    connections: set[int] = set()

    async def remember(writer: Any) -> None:
        connections.add(id(writer))
        kept.append(writer)
        await tool_provider.answer()(writer)

    kept: list[Any] = []
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, turns={"calls": 0}) as toolbox,
    ):
        provider.behave(remember)
        for number in range(3):
            await toolbox.execute("look_up", {"order_id": str(number)})
        assert len(connections) == 1
        connections.clear()
        for number in range(3):
            await toolbox.execute("refund", {"order_id": str(number)})
        assert len(connections) == 3


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The example's order service as a process: its URL and its database."""
    port, database = ports.choose()[0], tmp_path / "orders.sqlite"
    command = [sys.executable, str(ORDERS), "--port", str(port), "--db", str(database)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _until_healthy(url)
        yield url, database
    finally:
        process.kill()
        process.wait()


def _until_healthy(url: str, within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline, "the order service did not start"
            time.sleep(0.05)


async def test_the_shop_pays_a_refund_once_although_its_answer_was_lost(
    database: str, shop: tuple[str, Path]
) -> None:
    """The shop pays every request it gets, so a second request would be a second refund."""
    url, orders = shop
    tools = [
        running_toolbox.tool(
            "refund",
            running_toolbox.IRREVERSIBLE,
            config={
                "url": "${PROVIDER}/orders/{order_id}/refund",
                "body": {"amount": "{amount}"},
                "query": {"delay_after_ms": "{delay}"},
            },
            schema={},
            timeout_ms=300,
        ),
        running_toolbox.tool(
            "look_up",
            running_toolbox.PURE,
            config={"method": "GET", "url": "${PROVIDER}/orders/{order_id}"},
        ),
    ]
    async with running_toolbox.serving(database, url, tools=tools) as toolbox:
        look_up = await toolbox.execute("look_up", {"order_id": "10003"})
        assert json.loads(look_up.result_json)["status"] == "delivered"
        refund = {"order_id": "10003", "amount": 59.9, "delay": 5000}
        doubtful = await toolbox.execute("refund", refund)
        repeated = await toolbox.execute("refund", refund)
        elsewhere = await toolbox.execute("refund", refund, Turn("ses_2", "trn_2", "grp_2"))
        assert (doubtful.status, doubtful.error_reason) == (tool_pb2.TOOL_STATUS_IN_DOUBT, "timeout")
        assert repeated.status == tool_pb2.TOOL_STATUS_IN_DOUBT
        assert elsewhere.error_reason == "EFFECT_IN_DOUBT"
        unknown = await toolbox.execute("refund", {"order_id": "99999", "amount": 1})
        assert (unknown.status, unknown.error_reason) == (tool_pb2.TOOL_STATUS_ERROR, "order_not_found")
        with sqlite3.connect(orders) as books:
            paid = books.execute("SELECT number, cents, key FROM refunds").fetchall()
        assert paid == [("10003", 5990, doubtful.effect_key)]
