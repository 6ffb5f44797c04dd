"""Tenants, hosts and circuits hold calls back: a real toolbox on real PostgreSQL calls real HTTP servers."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from focal.toolbox.v1 import tool_pb2
from tests.doubles import tool_provider
from tests.doubles.tool_provider import ToolProvider
from tests.fakes import running_toolbox
from tests.fakes.running_toolbox import PURE, TENANT, RunningToolbox, tool
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

NO_TURN_LIMIT: dict[str, Any] = {"calls": 0}
SLOW_CALLS = 200
SOON_S = 2.0
"""Far more than twenty calls to a quick provider take, and less than the time limit of the slow one's."""


def _reasons(results: Iterable[tool_pb2.ToolResult]) -> Counter[str]:
    names = (result.error_reason or tool_pb2.ToolStatus.Name(result.status) for result in results)
    return Counter(name.removeprefix("TOOL_STATUS_") for name in names)


@dataclass
class Crowd:
    """How many requests a provider holds at once; each is answered when `gate` is open."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    now: int = 0
    most: int = 0

    async def behave(self, writer: asyncio.StreamWriter) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await self.gate.wait()
        self.now -= 1
        await tool_provider.answer()(writer)


@asynccontextmanager
async def _beside_a_slow_one(
    database: str, settings: dict[str, Any]
) -> AsyncIterator[tuple[RunningToolbox, ToolProvider, Crowd]]:
    """`look_up` asks a provider that answers, `dawdle` one that does not until its crowd's gate opens."""
    async with tool_provider.serving() as quick, tool_provider.serving() as slow:
        crowd = Crowd()
        slow.behave(crowd.behave)
        dawdle = tool("dawdle", PURE, config={"method": "GET", "url": "${SLOW}/{order_id}"})
        tools = [*running_toolbox.TOOLS, dawdle]
        settings = {"turns": NO_TURN_LIMIT, "variables": {"SLOW": slow.url}, **settings}
        async with running_toolbox.serving(database, quick.url, tools=tools, **settings) as toolbox:
            yield toolbox, quick, crowd
            crowd.gate.set()


async def test_a_slow_provider_does_not_starve_another(database: str) -> None:
    """Break: let `Berths._may` always be true: the slow provider then has all of the connections."""
    async with _beside_a_slow_one(database, {"hosts": {"wait_s": 0.3}}) as (toolbox, _, crowd):
        slow = [
            asyncio.create_task(toolbox.execute("dawdle", {"order_id": str(number)}))
            for number in range(SLOW_CALLS)
        ]
        await until(lambda: crowd.now >= 64 and toolbox.metric("tool_calls_waiting") == 0, "the crowd")
        began = time.monotonic()
        quick = await asyncio.gather(
            *(toolbox.execute("look_up", {"order_id": str(number)}) for number in range(20))
        )
        assert time.monotonic() - began < SOON_S
        assert _reasons(quick) == {"SUCCESS": 20}
        crowd.gate.set()
        assert _reasons(await asyncio.gather(*slow)) == {"SUCCESS": 64, "TOOLBOX_BUSY": SLOW_CALLS - 64}
        assert crowd.most == 64
        held_back = {"tenant": TENANT, "reason": "TOOLBOX_BUSY"}
        assert toolbox.metric("tool_calls_held_back_total", **held_back) == SLOW_CALLS - 64


async def test_a_tenant_has_as_many_calls_under_way_as_its_tier_allows(database: str) -> None:
    """Break: leave `cap` out of `Berths._may`; leave the tier out of the internal token."""
    async with _beside_a_slow_one(
        database, {"tiers": {"free": 5}, "hosts": {"share": 1, "waiting": 20, "wait_s": 10}}
    ) as (toolbox, _, crowd):
        toolbox.tier = "free"
        calls = [
            asyncio.create_task(toolbox.execute("dawdle", {"order_id": str(number)})) for number in range(64)
        ]
        ended: list[tool_pb2.ToolResult] = []
        for call in asyncio.as_completed(calls):
            ended.append(await call)
            if len(ended) == 64 - 25:
                assert _reasons(ended) == {"TOOLBOX_BUSY": 39}
                assert all(result.retry_after_ms == 10_000 for result in ended)
                crowd.gate.set()
        assert _reasons(ended) == {"SUCCESS": 25, "TOOLBOX_BUSY": 39}
        assert crowd.most == 5


async def test_a_circuit_opens_tries_and_closes_as_its_host_fails_and_heals(database: str) -> None:
    """Break: leave `answered` out of the Courier; let `closed_for` return 0."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database, provider.url, turns=NO_TURN_LIMIT, circuits={"failures": 3, "open_s": 0.4}
        ) as toolbox,
    ):
        host, numbers = provider.url.removeprefix("http://"), itertools.count()

        def changes(position: str) -> float:
            return toolbox.metric("tool_circuit_changes_total", host=host, position=position)

        provider.behave(tool_provider.answer(503))
        failed = [await toolbox.execute("refund", {"order_id": str(number)}) for number in range(3)]
        assert _reasons(failed) == {"http_503": 3}
        held_back = [await toolbox.execute(name, {"order_id": "7"}) for name in ("refund", "look_up")]
        assert _reasons(held_back) == {"CIRCUIT_OPEN": 2}
        assert all(0 < result.retry_after_ms <= 400 for result in held_back)
        assert (await toolbox.execute("refund", {"order_id": "1"})).effect_id == failed[1].effect_id
        assert len(await toolbox.effects()) == len(provider.received) == 3

        async def tried() -> bool:
            result = await toolbox.execute("label", {"order_id": f"new {next(numbers)}"})
            return bool(result.error_reason != "CIRCUIT_OPEN")

        await until(tried, "a trial")
        assert (changes("OPEN"), changes("HALF_OPEN"), changes("CLOSED")) == (2, 1, 0)
        provider.behave(tool_provider.answer())
        await until(tried, "another trial")
        assert (changes("HALF_OPEN"), changes("CLOSED")) == (2, 1)
        assert (await toolbox.execute("refund", {"order_id": "7"})).status == tool_pb2.TOOL_STATUS_SUCCESS


async def test_refusals_of_a_provider_open_no_circuit(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database, provider.url, turns=NO_TURN_LIMIT, circuits={"failures": 1}
        ) as toolbox,
    ):
        provider.behave(*(tool_provider.answer(status) for status in (404, 409, 422, 429, 200)))
        results = [await toolbox.execute("refund", {"order_id": str(number)}) for number in range(5)]
        assert _reasons(results) == {"http_404": 1, "http_409": 1, "http_422": 1, "http_429": 1, "SUCCESS": 1}
