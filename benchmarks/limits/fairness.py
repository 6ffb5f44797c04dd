"""Two tenants on one mesh: what one of them notices when the other floods."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio

from benchmarks.mesh import agent, load, turns
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_cli import admin
from focal_cli.connection import Connection

QUIET, FLOOD = "quiet", "flood"
RULES = 10
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Plan:
    """How it is measured: `rounds` times `seconds` alone and `seconds` beside the flood, in turn, so
    that what else the machine does falls on both.
    """

    seconds: float
    rounds: int
    quiet_per_second: float
    flood_per_second: float
    flood_tier: str
    settings: Mapping[str, str]


@dataclass
class Seen:
    """What the quiet tenant saw, in milliseconds per answered message."""

    alone_ms: list[float] = field(default_factory=list)
    beside_ms: list[float] = field(default_factory=list)
    flood: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self, plan: Plan) -> dict[str, Any]:
        """The figures with their ratio."""
        figures = {name: _figures(values) for name, values in self._both()}
        ratios = {
            share: round(figures["beside"][share] / max(figures["alone"][share], 1e-9), 2)
            for share in ("p50_ms", "p99_ms")
        }
        return {"plan": asdict(plan), **figures, "beside_to_alone": ratios, "flood": self.flood}

    def _both(self) -> tuple[tuple[str, list[float]], ...]:
        return ("alone", self.alone_ms), ("beside", self.beside_ms)


async def measure(plan: Plan) -> Seen:
    """Start a mesh with a model double that answers at once, and measure."""
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="focal-bench-", dir="/tmp") as home:
        async with turns.running(Path(home), with_model=True, gateway=plan.settings) as bench:
            tokens = {QUIET: await _tenant(bench, QUIET, "enterprise")}
            tokens[FLOOD] = await _tenant(bench, FLOOD, plan.flood_tier)
            target = bench.local.target("turn_gateway")
            await _write(target, tokens[QUIET], plan, 2.0)
            for _ in range(plan.rounds):
                seen.alone_ms += await _write(target, tokens[QUIET], plan, plan.seconds)
                async with _flooding(target, tokens[FLOOD], plan, seen):
                    seen.beside_ms += await _write(target, tokens[QUIET], plan, plan.seconds)
                await _settled(target, tokens[FLOOD])
    return seen


async def _tenant(bench: turns.Bench, tenant_id: str, tier: str) -> str:
    """A registered tenant with the agent published; its token."""
    connection = Connection(bench.local.record(), bench.local.keys, tenant_id)
    await admin.add_tenant(connection, tenant_id, tier=tier)
    await admin.publish_to_end(connection, agent.sources(RULES))
    return bench.local.keys.tenant_token(tenant_id, tier=tier)


async def _write(target: str, token: str, plan: Plan, seconds: float) -> list[float]:
    """Messages at a steady rate, each of a customer of its own; milliseconds until each had its reply."""
    found: list[float] = []
    async with grpc.aio.insecure_channel(target) as channel:
        send = api.TurnGatewayServiceStub(channel).SendMessage
        metadata = (("authorization", f"Bearer {token}"),)

        async def one(number: int) -> None:
            began = time.perf_counter()
            await send(
                _message(f"quiet-{os.urandom(4).hex()}", number), timeout=_TIMEOUT_S, metadata=metadata
            )
            found.append((time.perf_counter() - began) * 1000)

        began, writing = time.perf_counter(), []
        for number in range(int(seconds * plan.quiet_per_second)):
            await asyncio.sleep(max(0.0, began + number / plan.quiet_per_second - time.perf_counter()))
            writing.append(asyncio.create_task(one(number)))
        await asyncio.gather(*writing)
    return found


@asynccontextmanager
async def _flooding(target: str, token: str, plan: Plan, seen: Seen) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "benchmarks.limits.flood", target, token]
    process = await asyncio.create_subprocess_exec(
        *command, "--rate", str(plan.flood_per_second), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        await asyncio.sleep(1.0)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        seen.flood.append(json.loads(await process.stdout.readline() or "{}"))
        await process.wait()


async def _settled(target: str, token: str) -> None:
    """Wait until what the flood left behind is answered: the next round measures alone again."""
    async with grpc.aio.insecure_channel(target) as channel:
        stub = api.TurnGatewayServiceStub(channel)
        metadata = (("authorization", f"Bearer {token}"),)
        for _ in range(30):
            began = time.perf_counter()
            try:
                await stub.SendMessage(_message("flood-last", 0), timeout=_TIMEOUT_S, metadata=metadata)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(1.0)
                continue
            if time.perf_counter() - began < 0.2:
                return
    return


def _message(user: str, number: int) -> pb.SendMessageRequest:
    address = pb.Address(agent_id=agent.AGENT_ID, channel="web", channel_user_id=user)
    return pb.SendMessageRequest(
        address=address, content=pb.MessageContent(text=agent.QUESTION.format(number=number))
    )


def _figures(values: list[float]) -> dict[str, float]:
    return {
        "messages": len(values),
        "p50_ms": round(load.percentile(values, 0.5), 1),
        "p99_ms": round(load.percentile(values, 0.99), 1),
    }
