"""Answers that a provider should not give, and what the toolbox makes of them."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from focal.toolbox.v1 import tool_pb2
from tests.doubles import tool_provider
from tests.doubles.tool_provider import Behaviour
from tests.fakes import running_toolbox
from tests.fakes.running_toolbox import Turn

pytestmark = pytest.mark.migrated("focal_toolbox")

SUCCESS, ERROR, IN_DOUBT = (
    tool_pb2.TOOL_STATUS_SUCCESS,
    tool_pb2.TOOL_STATUS_ERROR,
    tool_pb2.TOOL_STATUS_IN_DOUBT,
)
HUGE = json.dumps("x" * 10 * 1024**2)
BOMB = gzip.compress(b"[" + b"0," * 5_000_000 + b"0]", compresslevel=1)


def raw(*pieces: bytes, pause_s: float = 0.0, close: bool = True) -> Behaviour:
    """Exactly these bytes."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if close:
            writer.close()

    return behave


def body(content: bytes, headers: bytes = b"") -> Behaviour:
    """A whole answer of status 200."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(content)
    return raw(head + headers + b"\r\n" + content)


def announced(length: int, content: bytes) -> Behaviour:
    """An answer whose length is not the one it states."""
    return raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + content)


DRIP = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b" "] * 200, pause_s=0.02)

ANSWERS = {
    "html": (body(b"<!doctype html><h1>It works</h1>"), "invalid_response"),
    "10 MB": (body(HUGE.encode()), "response_too_large"),
    "half a body": (tool_provider.cut_body, "connection_lost"),
    "a slow drip": (DRIP, "timeout"),
    "slow headers": (raw(*[b"HTTP/1.1 200 OK\r\n", *[b"X-A: 1\r\n"] * 200], pause_s=0.02), "timeout"),
    "endless headers": (
        raw(b"HTTP/1.1 200 OK\r\n", *[b"X-A: %s\r\n" % (b"1" * 1000)] * 2000),
        "connection_lost",
    ),
    "a gzip bomb": (body(BOMB, b"Content-Encoding: gzip\r\n"), "invalid_response"),
    "what says that it is compressed": (
        body(b'{"ok":true}', b"Content-Encoding: br\r\n"),
        "invalid_response",
    ),
    "trailing garbage": (body(b'{"ok":true} {"ok":false}'), "invalid_response"),
    "too long a length": (announced(100, b'{"ok":true}'), "connection_lost"),
    "too short a length": (announced(5, b'{"ok":true}'), "connection_lost"),
    "a negative length": (announced(-1, b'{"ok":true}'), "connection_lost"),
    "two lengths": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 11\r\n\r\n" + b'{"ok":true}'),
        "connection_lost",
    ),
    "broken chunks": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        "connection_lost",
    ),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "connection_lost"),
    "invalid UTF-8": (body(b'{"a":"\xff"}'), "invalid_response"),
    "half a surrogate": (body(b'{"a":"\\ud800"}'), "invalid_response"),
    "a key twice": (body(b'{"ok":true,"ok":false}'), "invalid_response"),
    "NaN": (body(b'{"a":NaN}'), "invalid_response"),
    "Infinity": (body(b'{"a":-Infinity}'), "invalid_response"),
    "10,000 brackets": (body(b"[" * 10_000 + b"]" * 10_000), "invalid_response"),
    "101 brackets": (body(b"[" * 101 + b"]" * 101), "invalid_response"),
    "a number of 5,000 digits": (body(b"9" * 5000), "invalid_response"),
}


async def test_an_answer_that_cannot_be_read_leaves_an_act_in_doubt_and_fails_a_reading_call(
    database: str,
) -> None:
    """One toolbox for all, so that none leaves something behind that the next trips over."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database,
            provider.url,
            execution={"timeout_s": 1},
            turns={"calls": 100},
            circuits={"failures": 1000},
        ) as toolbox,
    ):
        for number, (name, (behaviour, reason)) in enumerate(ANSWERS.items()):
            provider.behave(behaviour)
            turn = Turn("ses_1", f"trn_{number}", f"grp_{number}", number + 1)
            acted = await toolbox.execute("refund", {"order_id": str(number)}, turn)
            assert (acted.status, acted.error_reason) == (IN_DOUBT, reason), name
            assert acted.result_json == "", name
            if reason == "timeout":
                continue
            read = await toolbox.execute("look_up", {"order_id": "1"}, turn)
            assert (read.status, read.error_reason) == (ERROR, reason), name
        provider.behave(tool_provider.answer())
        assert (await toolbox.execute("look_up", {"order_id": "1"}, turn)).status == SUCCESS


@pytest.mark.parametrize(
    "text", ["9007199254740993", "-12345678901234567890123", "0.1000000000000000000000000001", "1e400"]
)
async def test_numbers_are_exact_from_the_arguments_to_the_provider_and_back(
    database: str, text: str
) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tools=[_echo({})]) as toolbox,
    ):
        provider.behave(tool_provider.answer(body=f'{{"n":{text}}}'))
        result = await toolbox.execute("act", f'{{"order_id":"1","n":{text}}}')
        (effect,) = await toolbox.effects()
    assert provider.received[0].body == f'{{"n":{text},"order_id":"1"}}'
    assert result.result_json == effect.result_json == f'{{"n":{text}}}'
    assert effect.arguments_json == f'{{"n":{text},"order_id":"1"}}'


def _echo(more: dict[str, Any], policy: Any = running_toolbox.IDEMPOTENT) -> Any:
    return running_toolbox.tool("act", policy, schema={}, config={"url": "${PROVIDER}/act", **more})


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ({"status": "paid", "id": 7}, SUCCESS, ""),
        ({"status": "failed", "code": "CARD_DECLINED"}, ERROR, "card_declined"),
        ({"status": "failed"}, IN_DOUBT, "invalid_response"),
        ({"state": "paid"}, IN_DOUBT, "invalid_response"),
    ],
)
async def test_a_refusal_inside_a_200_is_a_refusal(
    database: str, answer: dict[str, Any], status: Any, reason: str
) -> None:
    config = {"success": "status == 'paid'", "error": "code", "result": "{payment: id}"}
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database, provider.url, tools=[_echo(config, running_toolbox.IRREVERSIBLE)]
        ) as toolbox,
    ):
        provider.behave(tool_provider.answer(body=json.dumps(answer)))
        result = await toolbox.execute("act", {"order_id": "1"})
        again = await toolbox.execute("act", {"order_id": "1"})
    assert (result.status, result.error_reason) == (status, reason)
    assert result.result_json == ('{"payment":7}' if status == SUCCESS else "")
    # What was refused did not happen and may be tried again; what is done or in doubt may not.
    assert len(provider.received) == (2 if status == ERROR else 1), again


async def test_arguments_of_a_megabyte_are_refused_before_anything_else(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        with pytest.raises(Exception, match="at most 65536 bytes"):
            await toolbox.execute("refund", {"order_id": "x" * 1024**2})
        too_long = await toolbox.execute("look_up", {"order_id": "ä" * 5000})
        assert (too_long.status, too_long.error_reason) == (
            tool_pb2.TOOL_STATUS_REFUSED,
            "INVALID_TOOL_ARGUMENTS",
        )
        assert provider.received == []


async def test_a_provider_that_asks_for_a_pause_gets_it(database: str) -> None:
    """Break: leave `retry_after_s` out of `http_answer.failure`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, retry={"longest_wait_ms": 1500}) as toolbox,
    ):
        busy = tool_provider.answer(503, headers="Retry-After: 1\r\n")
        provider.behave(busy, tool_provider.answer())
        started = asyncio.get_running_loop().time()
        assert (await toolbox.execute("look_up", {"order_id": "1"})).status == SUCCESS
        assert asyncio.get_running_loop().time() - started >= 1
        provider.behave(tool_provider.answer(429, headers="Retry-After: 3600\r\n"))
        result = await toolbox.execute("look_up", {"order_id": "1"})
        assert (result.error_reason, result.attempts) == ("http_429", 1)
