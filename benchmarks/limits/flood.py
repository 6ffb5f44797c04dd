"""A tenant that floods, in a process of its own so that it does not slow down who measures.

`python -m benchmarks.limits.flood TARGET TOKEN --rate 100 --customers 200` submits messages, as many a second
as it is told, whatever the answers are, until it is terminated; then it prints how they were answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import time
from collections import Counter
from typing import Any

import grpc.aio
import uvloop

from benchmarks.mesh import agent
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api

_IN_FLIGHT = 400
_NICENESS = 5
"""On two cores the flood's client would otherwise take the time that its messages are meant to take."""


def main() -> None:
    """Flood as the options say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("token")
    parser.add_argument("--rate", type=float, default=100, help="messages per second")
    parser.add_argument("--customers", type=int, default=200, help="customers who write, in turn")
    options = parser.parse_args()
    os.nice(_NICENESS)
    uvloop.run(_flood(options))


async def _flood(options: argparse.Namespace) -> None:
    answers: Counter[str] = Counter()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with grpc.aio.insecure_channel(options.target) as channel:
        submit = api.TurnGatewayServiceStub(channel).SubmitMessage
        metadata = (("authorization", f"Bearer {options.token}"),)
        flying: set[asyncio.Task[None]] = set()
        print("ready", flush=True)
        began, number = time.perf_counter(), 0
        while not stopping.is_set():
            due = int((time.perf_counter() - began) * options.rate)
            while number < due and len(flying) < _IN_FLIGHT:
                request = _request(number, options.customers)
                task = asyncio.create_task(_one(submit, request, metadata, answers))
                flying.add(task)
                task.add_done_callback(flying.discard)
                number += 1
            await asyncio.sleep(0.002)
        seconds = time.perf_counter() - began
        if flying:
            await asyncio.wait(flying, timeout=5)
    print(json.dumps({"offered_per_second": round(number / seconds, 1), "answers": answers}), flush=True)


async def _one(submit: Any, request: Any, metadata: Any, answers: Counter[str]) -> None:
    try:
        await submit(request, timeout=10, metadata=metadata)
        answers["accepted"] += 1
    except grpc.aio.AioRpcError as error:
        answers[error.code().name] += 1


def _request(number: int, customers: int) -> pb.SubmitMessageRequest:
    address = pb.Address(
        agent_id=agent.AGENT_ID, channel="web", channel_user_id=f"flood-{number % customers}"
    )
    return pb.SubmitMessageRequest(
        address=address, content=pb.MessageContent(text=agent.QUESTION.format(number=number))
    )


if __name__ == "__main__":
    main()
