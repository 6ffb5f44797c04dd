"""Rude clients: those that never read, and those that vanish without a word."""

from __future__ import annotations

import asyncio
import re
import signal
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.limits import process
from benchmarks.limits.streams import Crowd
from benchmarks.limits.streams import Plan as Streams
from benchmarks.mesh import agent, turns
from focal_cli import admin

RULES = 10
_WITHIN_S = 90.0
_POLL_S = 0.1
_LONG = "What are your opening hours? " + "x" * 9_900
_IN_FLIGHT = re.compile(r"^focal_rpc_in_flight (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Plan:
    """`streams` of each kind. The customers of those that are not read say `messages` of 10,000 characters
    each; `write_timeout_s` is the gateway's patience with them.
    """

    streams: int
    messages: int
    write_timeout_s: float


async def measure(plan: Plan) -> dict[str, Any]:
    """Start a mesh with a model double that answers at once, and be rude to its gateway."""
    process.room_for(plan.streams)
    settings = {**turns.UNLIMITED, "FOCAL_TURN_GATEWAY__GRPC__WRITE_TIMEOUT_S": str(plan.write_timeout_s)}
    with tempfile.TemporaryDirectory(prefix="focal-bench-", dir="/tmp") as home:
        async with turns.running(Path(home), with_model=True, gateway=settings) as bench:
            await admin.publish_to_end(bench.connection, agent.sources(RULES))
            return {
                "plan": asdict(plan),
                "killed": await _vanish(bench, plan, signal.SIGKILL),
                "frozen": await _vanish(bench, plan, signal.SIGSTOP),
                "never_read": await _never_read(bench, plan),
            }


async def _vanish(bench: turns.Bench, plan: Plan, how: signal.Signals) -> dict[str, Any]:
    """Streams whose client process is killed (its connections are reset) or frozen (they fall silent)."""
    gateway = bench.pids["turn_gateway"]
    quiet = await in_flight(bench)
    async with Crowd(bench, Streams(plan.streams, 1, plan.streams, 0)) as crowd:
        await crowd.open()
        await crowd.say(plan.streams)
        held = process.resident(gateway)
        began = time.perf_counter()
        crowd.signal(how)
        await _until_served(bench, quiet)
        return {
            "gone_after_s": round(time.perf_counter() - began, 1),
            "gateway_mib": {
                "with_them": process.mib(held),
                "without": process.mib(process.resident(gateway)),
            },
        }


async def _never_read(bench: turns.Bench, plan: Plan) -> dict[str, Any]:
    """Streams that take nothing while their customers, elsewhere, go on talking."""
    gateway = bench.pids["turn_gateway"]
    quiet, before = await in_flight(bench), process.resident(gateway)
    async with Crowd(bench, Streams(plan.streams, 1, 0, 0), reading=False) as crowd:
        await crowd.open()
        opened = process.resident(gateway)
        began = time.perf_counter()
        saying = asyncio.create_task(crowd.say_elsewhere(plan.messages, _LONG), name="say elsewhere")
        most = opened
        while not saying.done():
            most = max(most, process.resident(gateway))
            await asyncio.sleep(_POLL_S)
        await saying
        said_s = time.perf_counter() - began
        await _until_served(bench, quiet)
        return {
            "all_said_s": round(said_s, 1),
            "all_ended_s": round(time.perf_counter() - began, 1),
            "ends": await crowd.ends(),
            "kib_per_stream_at_most": round((most - before) / 1024 / plan.streams, 1),
        }


async def in_flight(bench: turns.Bench) -> int:
    """Calls that the gateway is serving, by its own page."""
    async with httpx.AsyncClient(trust_env=False) as client:
        page = (await client.get(bench.local.metrics("turn_gateway"))).text
    found = _IN_FLIGHT.search(page)
    assert found, "the page has no focal_rpc_in_flight"
    return int(float(found[1]))


async def _until_served(bench: turns.Bench, at_most: int) -> None:
    async with asyncio.timeout(_WITHIN_S):
        open_now = await in_flight(bench)
        while open_now > at_most:
            await asyncio.sleep(_POLL_S)
            open_now = await in_flight(bench)
