"""Thousands of messages into one session at once: what is taken, what is refused, and who else notices."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import grpc.aio

from benchmarks.limits import process
from benchmarks.mesh import agent, load, turns
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_cli import admin
from focal_service_kit import errors

RULES = 10
_USER = "burst"
_TIMEOUT_S = 60.0
_ANSWERED_WITHIN_S = 120.0
_OTHERS_EVERY_S = 0.2
_OPEN = "SELECT count(*) FROM turns.messages WHERE session_id = $1 AND turn_id IS NULL"
_KEPT = """
SELECT count(*) AS messages, count(DISTINCT t.turn_id) AS turns,
       count(*) FILTER (WHERE t.turn_index < t.highest_before) AS out_of_order
FROM (SELECT m.message_id, t.turn_id, t.turn_index,
             max(t.turn_index) OVER (ORDER BY m.sequence ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
               AS highest_before
      FROM turns.messages m JOIN turns.turns t USING (turn_id)
      WHERE m.session_id = $1 AND t.status = 'COMPLETE') t
"""


@dataclass(frozen=True)
class Plan:
    """`messages` for one session, `at_once` of them on their way at any time."""

    messages: int
    at_once: int


@dataclass
class Seen:
    """Milliseconds until each acknowledgement and each refusal, and until other sessions had a reply."""

    session_id: str = ""
    acknowledged: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    others_alone: list[float] = field(default_factory=list)
    others_beside: list[float] = field(default_factory=list)


async def measure(plan: Plan) -> dict[str, Any]:
    """Start a mesh with a model double that answers at once, and burst."""
    with tempfile.TemporaryDirectory(prefix="focal-bench-", dir="/tmp") as home:
        async with turns.running(Path(home), with_model=True) as bench:
            await admin.publish_to_end(bench.connection, agent.sources(RULES))
            async with grpc.aio.insecure_channel(bench.local.target("turn_gateway")) as channel:
                return {
                    "plan": asdict(plan),
                    **await _measure(bench, api.TurnGatewayServiceStub(channel), plan),
                }


async def _measure(bench: turns.Bench, stub: Any, plan: Plan) -> dict[str, Any]:
    gateway, seen = bench.pids["turn_gateway"], Seen()
    metadata = (("authorization", f"Bearer {bench.connection.token()}"),)
    customers = Customers(stub, metadata)
    await customers.write(10, [])
    await customers.write(40, seen.others_alone)
    before, began = process.resident(gateway), time.perf_counter()
    bursting = asyncio.create_task(_burst(stub, metadata, plan, seen), name="burst")
    await customers.write_until(bursting, seen.others_beside)
    burst_s = time.perf_counter() - began
    peak = process.resident(gateway)
    await _answered(bench.local.postgres_url, seen.session_id)
    return {
        "acknowledged": {"messages": len(seen.acknowledged), **_figures(seen.acknowledged)},
        "refused": {"messages": len(seen.refused), **_figures(seen.refused), "reasons": seen.reasons},
        "burst_s": round(burst_s, 1),
        "all_answered_s": round(time.perf_counter() - began, 1),
        "answered": await _kept(bench.local.postgres_url, seen.session_id),
        "gateway_mib": {
            "before": process.mib(before),
            "at_the_end_of_the_burst": process.mib(peak),
            "after": process.mib(process.resident(gateway)),
        },
        "others_alone": _figures(seen.others_alone),
        "others_beside": _figures(seen.others_beside),
    }


async def _burst(stub: Any, metadata: Any, plan: Plan, seen: Seen) -> None:
    numbers = iter(range(plan.messages))

    async def writer() -> None:
        for number in numbers:
            began = time.perf_counter()
            request = pb.SubmitMessageRequest(address=_address(_USER), content=_content(number))
            try:
                answer = await stub.SubmitMessage(request, timeout=_TIMEOUT_S, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                seen.reasons[errors.from_rpc(error).reason] += 1
                seen.refused.append((time.perf_counter() - began) * 1000)
            else:
                seen.session_id = answer.session_id
                seen.acknowledged.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(writer() for _ in range(plan.at_once)))


class Customers:
    """Others, each with one message, who notice how long their replies take."""

    def __init__(self, stub: Any, metadata: Any) -> None:
        self._stub = stub
        self._metadata = metadata
        self._numbers = itertools.count()

    async def write(self, count: int, waits_ms: list[float]) -> None:
        """So many, at a steady rate."""
        await asyncio.gather(*[await self._later(waits_ms) for _ in range(count)])

    async def write_until(self, end: asyncio.Task[None], waits_ms: list[float]) -> None:
        """At the same rate until a task has ended."""
        writing = []
        while not end.done():
            writing.append(await self._later(waits_ms))
        await asyncio.gather(end, *writing)

    async def _later(self, waits_ms: list[float]) -> asyncio.Task[None]:
        await asyncio.sleep(_OTHERS_EVERY_S)
        return asyncio.create_task(self._one(next(self._numbers), waits_ms), name="other customer")

    async def _one(self, number: int, waits_ms: list[float]) -> None:
        began = time.perf_counter()
        request = pb.SendMessageRequest(address=_address(f"other-{number}"), content=_content(number))
        await self._stub.SendMessage(request, timeout=_TIMEOUT_S, metadata=self._metadata)
        waits_ms.append((time.perf_counter() - began) * 1000)


async def _answered(postgres_url: str, session_id: str) -> None:
    """Wait until no message of the session is open."""
    connection = await asyncpg.connect(postgres_url)
    try:
        async with asyncio.timeout(_ANSWERED_WITHIN_S):
            left = await connection.fetchval(_OPEN, session_id)
            while left:
                await asyncio.sleep(0.1)
                left = await connection.fetchval(_OPEN, session_id)
    finally:
        await connection.close()


async def _kept(postgres_url: str, session_id: str) -> dict[str, int]:
    """How many messages were answered by how many turns, and how many of them out of order."""
    connection = await asyncpg.connect(postgres_url)
    try:
        return dict(await connection.fetchrow(_KEPT, session_id) or {})
    finally:
        await connection.close()


def _address(user: str) -> pb.Address:
    return pb.Address(agent_id=agent.AGENT_ID, channel="web", channel_user_id=user)


def _content(number: int) -> pb.MessageContent:
    return pb.MessageContent(text=agent.QUESTION.format(number=number))


def _figures(waits_ms: list[float]) -> dict[str, float]:
    return {
        "p50_ms": round(load.percentile(waits_ms, 0.5), 1),
        "p99_ms": round(load.percentile(waits_ms, 0.99), 1),
    }
