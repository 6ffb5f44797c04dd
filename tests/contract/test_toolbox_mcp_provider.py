"""Tools of MCP servers: what each end of a call says about the world."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from focal.toolbox.v1 import tool_pb2
from focal_toolbox import errors
from focal_toolbox.adapters.providers import mcp_calls, mcp_sessions
from focal_toolbox.adapters.secrets import Secrets
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.result import Progress
from focal_toolbox.settings.mcp import McpServer
from tests.doubles import mcp_shop
from tests.fakes import running_toolbox
from tests.fakes.until import until

ROOT = Path(__file__).parents[2]
LIMIT = 10_000


@asynccontextmanager
async def _provider(*, sessions: int = 5, **servers: Any) -> AsyncIterator[mcp_calls.McpProvider]:
    limits = mcp_sessions.Limits(connect_s=30, answer_bytes=LIMIT, sessions=sessions, idle_s=60)
    opened = mcp_sessions.Sessions(limits)
    known = {name: McpServer.model_validate(server) for name, server in servers.items()}
    try:
        yield mcp_calls.McpProvider(known, opened, Secrets({"TOKEN": "top-secret-token"}), LIMIT)
    finally:
        await opened.close()


def _config(tool: str, **more: Any) -> str:
    return json.dumps({"server": "shop", "tool": tool, **more})


async def _send(
    provider: mcp_calls.McpProvider,
    tool: str,
    arguments: dict[str, Any] | None = None,
    *,
    timeout_s: float = 10,
    told: list[Progress] | None = None,
    **more: Any,
) -> Answer:
    dispatch = provider.prepare("acme", _config(tool, **more), arguments or {})
    notify = (told if told is not None else []).append
    return await dispatch.telling(notify).send("key_1", timeout_s)


async def test_a_command_answers_fails_hangs_dies_and_is_started_again() -> None:
    """One server for all of it, because each takes a second to start."""
    command = {
        "command": sys.executable,
        "args": ["-m", "tests.doubles.mcp_shop"],
        "env": {"PYTHONPATH": str(ROOT), "SHOP_TOKEN": "${TOKEN}"},
    }
    told: list[Progress] = []
    async with _provider(shop=command) as provider:
        answer = await _send(provider, "refund", {"order_id": "1", "amount": 0.1}, timeout_s=40, told=told)
        assert json.loads(answer.result_json) == {"order": "1", "amount": 0.1, "key": "key_1"}
        assert told == [Progress("paying", 0.5)]
        assert json.loads((await _send(provider, "env", {"name": "SHOP_TOKEN"})).result_json) == {
            "text": "top-secret-token"
        }
        failed = await _send(provider, "fail", {"secret": "4111"})
        assert (failed.verdict, failed.reason) == (Verdict.UNKNOWN, "tool_error")
        assert "4111" not in failed.message
        hung = await _send(provider, "hang", timeout_s=0.2)
        assert (hung.verdict, hung.reason) == (Verdict.UNKNOWN, "timeout")
        died = await _send(provider, "die")
        assert (died.verdict, died.reason) == (Verdict.UNKNOWN, "connection_lost")
        assert (await _send(provider, "say", {"text": "3"}, timeout_s=40)).result_json == "3"


async def test_a_command_that_cannot_be_started_was_sent_nothing() -> None:
    async with _provider(shop={"command": "/no/such/program"}) as provider:
        answer = await _send(provider, "say", {"text": "x"})
    assert (answer.verdict, answer.reason, answer.transient) == (Verdict.UNCHANGED, "unreachable", True)


@pytest.mark.parametrize("json_response", [False, True])
async def test_a_url_is_called_on_one_session_with_its_headers(json_response: bool) -> None:
    told: list[Progress] = []
    async with mcp_shop.serving(json_response=json_response) as shop:
        server = {"url": shop.url, "headers": {"Authorization": "Bearer ${TOKEN}"}}
        async with _provider(shop=server) as provider:
            arguments = {"order_id": "1", "amount": 2}
            answers = await asyncio.gather(
                *(_send(provider, "refund", arguments, told=told) for _ in range(3)),
            )
            assert len(provider._sessions._open) == 1
    assert {one.result_json for one in answers} == {'{"amount":2,"key":"key_1","order":"1"}'}
    assert {one["authorization"] for one in shop.headers} == {"Bearer top-secret-token"}
    assert told == ([] if json_response else [Progress("paying", 0.5)] * 3)


@pytest.mark.parametrize(
    ("text", "result_json"),
    [
        ('{"b": 0.10000000000000000001, "a": [1e2]}', '{"a":[100],"b":0.10000000000000000001}'),
        ("all good", '{"text":"all good"}'),
        ('{"a":1,"a":2}', '{"text":"{\\"a\\":1,\\"a\\":2}"}'),
    ],
)
async def test_a_text_that_is_json_is_taken_for_what_it_says(text: str, result_json: str) -> None:
    async with mcp_shop.serving() as shop, _provider(shop={"url": shop.url}) as provider:
        assert (await _send(provider, "say", {"text": text})).result_json == result_json


async def test_a_definition_may_say_that_an_error_result_means_nothing_happened() -> None:
    async with mcp_shop.serving() as shop, _provider(shop={"url": shop.url}) as provider:
        trusted = await _send(provider, "fail", {"secret": "1"}, errors="refused")
        doubted = await _send(provider, "fail", {"secret": "1"})
    assert (trusted.verdict, doubted.verdict) == (Verdict.UNCHANGED, Verdict.UNKNOWN)


@pytest.mark.parametrize(
    ("instead", "cut", "verdict", "reason"),
    [
        ((403, "text/plain", "no"), False, Verdict.UNCHANGED, "http_403"),
        ((404, "text/plain", "no"), False, Verdict.UNCHANGED, "session_ended"),
        ((429, "text/plain", "no"), False, Verdict.UNCHANGED, "http_429"),
        ((500, "text/plain", "no"), False, Verdict.UNKNOWN, "http_500"),
        ((200, "text/html", "<h1>no</h1>"), False, Verdict.UNKNOWN, "mcp_error"),
        ((200, "application/json", "{"), False, Verdict.UNKNOWN, "mcp_error"),
        ((200, "application/json", '"' + "x" * LIMIT + '"'), False, Verdict.UNKNOWN, "response_too_large"),
        ((200, "text/event-stream", "data: " + "x" * LIMIT), False, Verdict.UNKNOWN, "response_too_large"),
        ((200, "application/json", "{"), True, Verdict.UNKNOWN, "connection_lost"),
        ((202, "text/plain", ""), False, Verdict.UNKNOWN, "mcp_error"),
    ],
)
async def test_what_is_no_answer_of_the_tool_leaves_a_doubt_unless_it_refuses(
    instead: tuple[int, str, str], cut: bool, verdict: Verdict, reason: str
) -> None:
    async with mcp_shop.serving() as shop, _provider(shop={"url": shop.url}) as provider:
        assert (await _send(provider, "say", {"text": "1"})).verdict is Verdict.DONE
        shop.instead, shop.cut = instead, cut
        answer = await _send(provider, "say", {"text": "1"})
        assert (answer.verdict, answer.reason) == (verdict, reason)
        assert shop.calls == 2
        shop.instead, shop.cut = None, False
        assert (await _send(provider, "say", {"text": "1"})).verdict is Verdict.DONE


async def test_a_server_that_went_away_was_sent_nothing_and_is_found_when_it_is_back() -> None:
    async with AsyncExitStack() as gone:
        shop = await gone.enter_async_context(mcp_shop.serving())
        port = int(shop.url.split(":")[2].split("/")[0])
        async with _provider(shop={"url": shop.url}) as provider:
            assert (await _send(provider, "say", {"text": "1"})).verdict is Verdict.DONE
            (session,) = provider._sessions._open.values()
            await gone.aclose()
            away = await _send(provider, "say", {"text": "1"})
            assert (away.verdict, away.reason, away.transient) == (Verdict.UNCHANGED, "unreachable", True)
            assert not session.ended
            async with mcp_shop.serving(port):
                assert (await _send(provider, "say", {"text": "1"})).verdict is Verdict.DONE


async def test_an_unknown_tool_and_a_late_one_are_told_apart() -> None:
    async with mcp_shop.serving() as shop, _provider(shop={"url": shop.url}) as provider:
        assert (await _send(provider, "say", {"text": "1"})).verdict is Verdict.DONE
        late = await _send(provider, "hang", timeout_s=0.5)
        large = await _send(provider, "large", {"characters": LIMIT})
        unknown = await _send(provider, "nothing")
        wrong = await _send(provider, "say", {"text": {"no": "text"}}, errors="refused")
    assert (late.verdict, late.reason) == (Verdict.UNKNOWN, "timeout")
    assert (large.verdict, large.reason) == (Verdict.UNKNOWN, "response_too_large")
    assert unknown.reason in {"invalid_params", "tool_error"}
    assert wrong.verdict is Verdict.UNCHANGED


async def test_sessions_are_bounded() -> None:
    async with mcp_shop.serving() as shop:
        servers = {"shop": {"url": shop.url}, "other": {"url": shop.url}}
        async with _provider(sessions=1, **servers) as provider:
            holding = asyncio.create_task(_send(provider, "hang", timeout_s=1))
            await until(lambda: provider._sessions._open, "a session is in use")
            other = provider.prepare("acme", json.dumps({"server": "other", "tool": "say"}), {"text": "1"})
            assert (await other.send("", 5)).reason == "busy"
            await holding
            assert (await other.send("", 5)).verdict is Verdict.DONE
            assert len(provider._sessions._open) == 1


@pytest.mark.parametrize(
    ("config", "arguments", "reason", "words"),
    [
        ("{}", {}, "PROVIDER_NOT_CONFIGURED", "server, tool"),
        ('{"server":"no","tool":"t"}', {}, "PROVIDER_NOT_CONFIGURED", "mcp.servers"),
        ('{"server":"theirs","tool":"t"}', {}, "PROVIDER_NOT_CONFIGURED", "mcp.servers"),
        ('{"server":"shop","tool":"t","command":"sh"}', {}, "PROVIDER_NOT_CONFIGURED", "command"),
        ('{"server":"shop","tool":"t","url":"http://x"}', {}, "PROVIDER_NOT_CONFIGURED", "url"),
    ],
)
async def test_a_definition_names_a_server_and_nothing_of_how_it_is_reached(
    config: str, arguments: dict[str, Any], reason: str, words: str
) -> None:
    theirs = {"url": "http://127.0.0.1:1", "tenants": ["globex"]}
    async with _provider(shop={"command": "true"}, theirs=theirs) as provider:
        with pytest.raises(errors.Refusal, match=words) as refused:
            provider.prepare("acme", config, arguments)
    assert refused.value.reason == reason


@pytest.mark.migrated("focal_toolbox")
async def test_the_running_toolbox_calls_a_server_of_its_settings_once(database: str) -> None:
    tool = running_toolbox.tool(
        "act", running_toolbox.IRREVERSIBLE, schema={}, config={"server": "shop", "tool": "refund"}
    )
    tool.provider = "mcp"
    async with mcp_shop.serving() as shop:
        servers = {"servers": {"shop": {"url": shop.url}}}
        async with running_toolbox.serving(database, "", tools=[tool], mcp=servers) as toolbox:
            events = [event async for event in toolbox.call("act", {"order_id": "1", "amount": 5})]
            repeated = await toolbox.execute("act", {"order_id": "1", "amount": 5})
    assert [event.WhichOneof("event") for event in events] == ["started", "progress", "result"]
    result = events[-1].result
    assert json.loads(result.result_json)["key"] == result.effect_key
    assert repeated.status == tool_pb2.TOOL_STATUS_CACHED
    assert shop.calls == 1


def test_a_toolbox_without_servers_does_not_import_the_sdk() -> None:
    """Break: import `mcp_calls` at the top of `app/provision.py`."""
    code = "import sys, focal_toolbox.app; sys.exit('mcp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
