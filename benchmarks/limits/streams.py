"""Thousands of open `Converse` streams: what an idle one costs, and that all still work and end well."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import grpc.aio

from benchmarks.limits import holder, process
from benchmarks.mesh import agent, cpu, load, turns
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_cli import admin

RULES = 10
_PER_PROCESS = 1250
_LINE_BYTES = 1 << 22
_REPLY_S = 60.0


@dataclass(frozen=True)
class Plan:
    """`streams` at once, `shared` of them over one connection; `talked` have a session, for their customer
    has written once. Idle use is watched for `idle_s` seconds, and `grace_s` is the gateway's when it stops.
    """

    streams: int
    shared: int
    talked: int
    idle_s: float
    grace_s: float = 3


async def measure(plan: Plan) -> dict[str, Any]:
    """Start a mesh with a model double that answers at once, and measure its gateway."""
    process.room_for(plan.streams // plan.shared)
    with tempfile.TemporaryDirectory(prefix="focal-bench-", dir="/tmp") as home:
        settings = {**turns.UNLIMITED, "FOCAL_TURN_GATEWAY__DRAIN__GRACE_S": str(plan.grace_s)}
        async with turns.running(Path(home), with_model=True, gateway=settings) as bench:
            await admin.publish_to_end(bench.connection, agent.sources(RULES))
            return {"plan": asdict(plan), **await _measure(bench, plan)}


async def _measure(bench: turns.Bench, plan: Plan) -> dict[str, Any]:
    gateway = bench.pids["turn_gateway"]
    async with AsyncExitStack() as stack:
        crowd = await stack.enter_async_context(Crowd(bench, plan))
        await crowd.one_more()
        before = process.resident(gateway)
        began = time.perf_counter()
        opened = await crowd.open()
        figures: dict[str, Any] = {
            "open": {
                "seconds": round(time.perf_counter() - began, 1),
                "p99_ms": round(load.percentile(opened, 0.99) * 1000),
                "failed": crowd.failed,
            },
            "silent": await _idle(bench, gateway, plan, before),
        }
        if plan.talked:
            replied = await crowd.say(plan.talked)
            figures["talked"] = await _idle(bench, gateway, plan, before)
            figures["talked"]["answered"] = len(replied)
        last = await crowd.say(1)
        figures["one_answered_ms"] = [round(seconds * 1000) for seconds in last]
        began = time.perf_counter()
        os.kill(gateway, signal.SIGTERM)
        figures["ends"] = await crowd.ends()
        figures["drained_s"] = round(time.perf_counter() - began, 1)
        return figures


async def _idle(bench: turns.Bench, gateway: int, plan: Plan, before: int) -> dict[str, Any]:
    """What the gateway holds, and what gateway and stores do, while nobody says anything."""
    await asyncio.sleep(2.0)
    used, began = cpu.seconds(bench.pids), time.perf_counter()
    await asyncio.sleep(plan.idle_s)
    seconds, after = time.perf_counter() - began, cpu.seconds(bench.pids)
    return {
        "kib_per_stream": round((process.resident(gateway) - before) / 1024 / plan.streams, 1),
        "rss_mib": process.mib(process.resident(gateway)),
        "cpu_percent": {
            name: round((after[name] - used[name]) / seconds * 100, 1)
            for name in ("turn_gateway", "postgres", "valkey")
            if name in after
        },
    }


class Crowd:
    """The client processes, each with its share of the streams, which they read or leave unread."""

    def __init__(self, bench: turns.Bench, plan: Plan, *, reading: bool = True) -> None:
        self._target = bench.local.target("turn_gateway")
        self._token = bench.connection.token()
        self._plan = plan
        self._reading = reading
        self.failed: Counter[str] = Counter()
        self._processes: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        for client in self._processes:
            if client.returncode is None:
                client.kill()
            await client.wait()

    async def one_more(self) -> None:
        """A stream of its own that has had its reply, so that what is made once is made before memory is
        read.
        """
        client = await self._start(1, 10_000_000)
        await _told(client)
        await _ask(client, "say 1")
        client.kill()
        await client.wait()

    async def open(self) -> list[float]:
        """Seconds that each stream took to open."""
        sizes = [
            min(_PER_PROCESS, self._plan.streams - first)
            for first in range(0, self._plan.streams, _PER_PROCESS)
        ]
        self._processes = [await self._start(size, place * _PER_PROCESS) for place, size in enumerate(sizes)]
        answers = await asyncio.gather(*map(_told, self._processes))
        for answer in answers:
            self.failed.update(answer["failed"])
        return [seconds for answer in answers for seconds in answer["opened_s"]]

    async def say(self, customers: int) -> list[float]:
        """Seconds that each of so many customers waited for a reply, all processes at once."""
        shares = [
            min(_PER_PROCESS, max(0, customers - place * _PER_PROCESS))
            for place in range(len(self._processes))
        ]
        answers = await asyncio.gather(
            *(_ask(client, f"say {share}") for client, share in zip(self._processes, shares, strict=True))
        )
        return [seconds for answer in answers for seconds in answer["replied_s"]]

    async def say_elsewhere(self, messages: int, text: str) -> None:
        """So many messages of each customer by calls of this process, not by the streams."""
        metadata = (("authorization", f"Bearer {self._token}"),)
        async with grpc.aio.insecure_channel(self._target) as channel:
            send = api.TurnGatewayServiceStub(channel).SendMessage

            async def one(number: int) -> None:
                address = pb.Address(
                    agent_id=agent.AGENT_ID, channel="web", channel_user_id=holder.customer(number)
                )
                request = pb.SendMessageRequest(address=address, content=pb.MessageContent(text=text))
                for _ in range(messages):
                    await send(request, timeout=_REPLY_S, metadata=metadata)

            await asyncio.gather(*(one(number) for number in range(self._plan.streams)))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every client process."""
        for client in self._processes:
            client.send_signal(number)

    async def ends(self) -> dict[str, int]:
        """How all streams ended."""
        ends: Counter[str] = Counter()
        for answer in await asyncio.gather(*(_ask(client, "wait") for client in self._processes)):
            ends.update(answer["ends"])
        return dict(ends)

    async def _start(self, streams: int, first: int) -> asyncio.subprocess.Process:
        options = ["--streams", str(streams), "--first", str(first), "--shared", str(self._plan.shared)]
        options += [] if self._reading else ["--unread"]
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.limits.holder", self._target, self._token, *options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
        )


async def _ask(client: asyncio.subprocess.Process, command: str) -> dict[str, Any]:
    assert client.stdin is not None
    client.stdin.write(f"{command}\n".encode())
    return await _told(client)


async def _told(client: asyncio.subprocess.Process) -> dict[str, Any]:
    assert client.stdout is not None
    answer: dict[str, Any] = json.loads(await client.stdout.readline())
    return answer
