"""Clients that hold `Converse` streams open, in a process of its own that does as it is told.

`python -m benchmarks.limits.holder TARGET TOKEN --streams 1250 --first 0` opens its streams, says so in a
line of JSON and waits for commands on standard input: `say N` has the first N customers send a message and
wait for their replies, `wait` tells how the streams ended once all have. With `--unread` nothing is read
between `ready` and `wait`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from functools import partial
from typing import Any

import grpc.aio
import uvloop

from benchmarks.limits import process
from benchmarks.mesh import agent
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_service_kit import errors

_AT_ONCE = 25
_REPLY_S = 60.0
_NARROW = (("grpc.http2.bdp_probe", 0),)
"""Those that do not read: their library takes 64 KiB ahead of them instead of some MiB."""


def main() -> None:
    """Hold streams as the options say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("token")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first customer")
    parser.add_argument("--shared", type=int, default=1, help="streams per connection")
    parser.add_argument("--unread", action="store_true", help="read nothing until the end")
    options = parser.parse_args()
    process.room_for(options.streams)
    uvloop.run(_hold(options))


def customer(number: int) -> str:
    """The channel user id of a stream's customer."""
    return f"holder-{number}"


class Held:
    """One customer's stream."""

    def __init__(self, stub: Any, metadata: Any, number: int, *, unread: bool) -> None:
        self._converse = partial(stub.Converse, metadata=metadata)
        self._call: Any = None
        self._unread = unread
        self._number = number
        self._reading: asyncio.Task[None] | None = None
        self._replied = asyncio.Event()
        self.ended = ""

    async def open(self) -> float:
        """Seconds until the stream is ready, or until it `ended` instead."""
        began = time.perf_counter()
        try:
            await self._open()
        except grpc.aio.AioRpcError as error:
            self.ended = f"not opened: {error.code().name} {errors.from_rpc(error).reason}"
        return time.perf_counter() - began

    async def _open(self) -> None:
        self._call = self._converse()
        address = pb.Address(agent_id=agent.AGENT_ID, channel="web", channel_user_id=customer(self._number))
        await self._call.write(pb.ConverseRequest(setup=pb.ConverseSetup(address=address)))
        assert (await self._call.read()).HasField("ready")
        if not self._unread:
            self._reading = asyncio.create_task(self._read(), name="held")

    async def say(self) -> float:
        """Seconds until a message is answered."""
        began = time.perf_counter()
        self._replied.clear()
        content = pb.MessageContent(text=agent.QUESTION.format(number=self._number))
        await self._call.write(pb.ConverseRequest(message=pb.ConverseMessage(content=content)))
        async with asyncio.timeout(_REPLY_S):
            await self._replied.wait()
        return time.perf_counter() - began

    async def end(self) -> str:
        """How the stream ended: told to go, or by which status and reason."""
        if not self.ended:
            await (self._reading or self._read())
        return self.ended

    async def _read(self) -> None:
        try:
            while isinstance(frame := await self._call.read(), pb.ConverseResponse):
                if frame.event.HasField("turn_completed"):
                    self._replied.set()
                if frame.HasField("go_away"):
                    self.ended = "go_away"
            self.ended = self.ended or (await self._call.code()).name
        except grpc.aio.AioRpcError as error:
            self.ended = self.ended or f"{error.code().name} {errors.from_rpc(error).reason}"


async def _hold(options: argparse.Namespace) -> None:
    metadata = (("authorization", f"Bearer {options.token}"),)
    channels = [
        grpc.aio.insecure_channel(
            options.target,
            options=[("grpc.use_local_subchannel_pool", 1), *(_NARROW if options.unread else ())],
        )
        for _ in range(-(-options.streams // options.shared))
    ]
    held = [
        Held(
            api.TurnGatewayServiceStub(channels[place // options.shared]),
            metadata,
            options.first + place,
            unread=options.unread,
        )
        for place in range(options.streams)
    ]
    opened_s = await _paced([stream.open for stream in held])
    _tell(opened_s=opened_s, failed=Counter(stream.ended for stream in held if stream.ended))
    held = [stream for stream in held if not stream.ended]
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := (await commands.readline()).decode().split():
        if line[0] == "say":
            _tell(replied_s=await _paced([stream.say for stream in held[: int(line[1])]]))
        else:
            _tell(ends=Counter([await stream.end() for stream in held]))


async def _paced(steps: list[Any]) -> list[float]:
    """Results of all steps, so many at once that the machine is busy and nobody waits long."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(step: Any) -> float:
        async with room:
            return float(await step())

    return list(await asyncio.gather(*(one(step) for step in steps)))


def _tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
