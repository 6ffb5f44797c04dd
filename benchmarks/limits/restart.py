"""A gateway that is alone is killed with a message in hand: how long until it serves, and until the reply."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc.aio
import psutil

from benchmarks.mesh import agent, load, turns
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_cli import admin

RULES = 10
_GATEWAY = "turn_gateway"
_AGAIN_S = 0.05
_TIMEOUT_S = 30.0
_EAGER = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 50))
"""Else the client's own pauses would be measured."""


async def measure(times: int) -> dict[str, Any]:
    """Start a mesh with a model double that answers at once, kill its gateway `times` times."""
    serving, answered, used = [], [], []
    with tempfile.TemporaryDirectory(prefix="focal-bench-", dir="/tmp") as home:
        async with turns.running(Path(home), with_model=True, restart=True) as bench:
            await admin.publish_to_end(bench.connection, agent.sources(RULES))
            for _ in range(times):
                began, reply = await _kill(bench)
                serving.append(time.perf_counter() - began)
                used.append(sum(psutil.Process(bench.local.pid(_GATEWAY)).cpu_times()[:2]))
                answered.append(await reply - began)
    return {"serving_s": _spread(serving), "answered_s": _spread(answered), "cpu_s": _spread(used)}


async def _kill(bench: turns.Bench) -> tuple[float, asyncio.Task[float]]:
    """When it was killed, and when the reply came; returns once another process serves."""
    channel = grpc.aio.insecure_channel(bench.local.target(_GATEWAY), options=_EAGER)
    stub = api.TurnGatewayServiceStub(channel)
    metadata = (("authorization", f"Bearer {bench.connection.token()}"),)
    name = os.urandom(4).hex()
    address = pb.Address(agent_id=agent.AGENT_ID, channel="web", channel_user_id=name)
    content = pb.MessageContent(text=agent.QUESTION.format(number=1))
    await stub.SubmitMessage(
        pb.SubmitMessageRequest(address=address, content=content, request_id=name),
        timeout=_TIMEOUT_S,
        metadata=metadata,
    )
    pid, began = bench.local.kill(_GATEWAY), time.perf_counter()

    async def reply() -> float:
        request = pb.SendMessageRequest(address=address, content=content, request_id=name)
        while True:
            try:
                await stub.SendMessage(request, timeout=_TIMEOUT_S, metadata=metadata)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(_AGAIN_S)
            else:
                await channel.close()
                return time.perf_counter()

    waiting = asyncio.create_task(reply(), name="reply")
    await bench.local.until_replaced(_GATEWAY, pid)
    return began, waiting


def _spread(seconds: list[float]) -> dict[str, float]:
    return {
        "least": round(min(seconds), 2),
        "median": round(load.percentile(seconds, 0.5), 2),
        "most": round(max(seconds), 2),
    }
