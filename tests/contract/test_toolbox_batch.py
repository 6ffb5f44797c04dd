"""Batches over real gRPC, PostgreSQL and HTTP."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import grpc
import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal_service_kit import errors
from tests.doubles import tool_provider
from tests.doubles.tool_provider import ToolProvider
from tests.fakes import running_toolbox
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

SUCCESS, REFUSED = tool_pb2.TOOL_STATUS_SUCCESS, tool_pb2.TOOL_STATUS_REFUSED
OVERLAP_S = 0.3
"""Far longer than a second request would need to arrive, were it not held back."""


def _call(tool: str, order_id: str, **more: Any) -> tool_pb2.ToolCall:
    return tool_pb2.ToolCall(tool_name=tool, arguments_json=json.dumps({"order_id": order_id}), **more)


def _crowded(provider: ToolProvider, count: int) -> tool_provider.Behaviour:
    """Answers once `count` requests are there, or after OVERLAP_S seconds with status 409."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        with suppress(AssertionError):
            await until(lambda: len(provider.received) >= count, "the requests overlap", OVERLAP_S)
        await tool_provider.answer(200 if len(provider.received) >= count else 409)(writer)

    return behave


async def test_reads_of_a_batch_run_side_by_side(database: str) -> None:
    """Break: let `batch.waits` return every earlier position."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(_crowded(provider, 4))
        results = await toolbox.execute_batch([_call("look_up", str(number)) for number in range(4)])
        assert [result.status for result in results] == [SUCCESS] * 4


async def test_effects_of_a_batch_follow_one_another_unless_they_are_independent(database: str) -> None:
    """Break: let `overlaps` in `batch.waits` always be true; leave `independent` out of it."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(_crowded(provider, 2))
        results = await toolbox.execute_batch([_call("refund", "1"), _call("refund", "2")])
        assert [result.error_reason for result in results] == ["http_409", ""]
        provider.received.clear()
        side_by_side = [_call("refund", number, independent=True) for number in "34"]
        results = await toolbox.execute_batch(side_by_side)
        assert [result.status for result in results] == [SUCCESS, SUCCESS]


async def test_a_critical_failure_leaves_no_row_of_what_follows(database: str) -> None:
    """Break: do not set `_stopped_by`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(tool_provider.answer(422), tool_provider.answer())
        calls = [_call("refund", "1", critical=True), _call("refund", "2"), _call("look_up", "3", after=[1])]
        results = await toolbox.execute_batch(calls)
        assert [(result.status, result.error_reason) for result in results] == [
            (tool_pb2.TOOL_STATUS_ERROR, "http_422"),
            (REFUSED, "BATCH_STOPPED"),
            (REFUSED, "BATCH_STOPPED"),
        ]
        (effect,) = await toolbox.effects()
        assert effect.state == effect_pb2.EFFECT_STATE_FAILED


async def test_a_repeated_batch_repeats_no_effect(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        calls = [_call("reserve", "1"), _call("refund", "1", after=[0])]
        first = await toolbox.execute_batch(calls)
        again = await toolbox.execute_batch(calls)
        assert [result.status for result in first] == [SUCCESS, SUCCESS]
        assert [result.status for result in again] == [tool_pb2.TOOL_STATUS_CACHED] * 2
        assert [result.effect_id for result in first] == [result.effect_id for result in again]
        assert len(provider.received) == 2


@pytest.mark.parametrize(
    ("calls", "field"),
    [
        ([], "calls"),
        ([_call("label", str(number)) for number in range(11)], "calls"),
        ([_call("label", "1"), _call("label", "2", after=[1])], "calls[1].after"),
        ([_call("label", "1", after=[1]), _call("label", "2")], "calls[0].after"),
        ([_call("label", "1"), _call("label", "2", after=[-1])], "calls[1].after"),
        ([_call("label", "1"), _call("", "2")], "calls[1].tool_name"),
        ([_call("label", "1"), tool_pb2.ToolCall(tool_name="label", arguments_json="{")],
         "calls[1].arguments_json"),
    ],
)  # fmt: skip
async def test_a_malformed_batch_is_refused_as_a_whole(
    database: str, calls: list[tool_pb2.ToolCall], field: str
) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await toolbox.execute_batch(calls)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert [one.field for one in errors.from_rpc(caught.value).violations] == [field]
        assert provider.received == []
        assert await toolbox.effects() == []
