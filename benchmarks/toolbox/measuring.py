"""What is measured: overhead of single calls, and effects per second at full load."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.mesh import cpu
from benchmarks.mesh.load import percentile
from benchmarks.toolbox import desk as desks
from benchmarks.toolbox.desk import Desk
from benchmarks.toolbox.provider import Direct
from focal.toolbox.v1 import tool_pb2

WARM_UP = 20
ASKED_TWICE_EVERY = 10
"""Each tenth effect is asked for twice at once, as after a crash: it must happen once all the same."""


@dataclass(frozen=True)
class Floor:
    """What gRPC costs by itself: a one-hop echo, and a streamed call that is answered at once."""

    echo: Callable[[], Awaitable[object]]
    empty_call: Callable[[], Awaitable[object]]


@dataclass
class Overhead:
    """Seconds of calls through the toolbox, of direct calls of the provider and of the floor, taken in turns:
    what disturbs a shared machine disturbs all of them.
    """

    tool: str
    policy: str
    through_s: list[float] = field(default_factory=list)
    direct_s: list[float] = field(default_factory=list)
    echo_s: list[float] = field(default_factory=list)
    empty_s: list[float] = field(default_factory=list)

    def beyond_ms(self, share: float) -> float:
        """What the toolbox adds at a percentile, in milliseconds."""
        return (percentile(self.through_s, share) - percentile(self.direct_s, share)) * 1000

    @property
    def hops(self) -> float:
        """What it adds at the median, in hops of this machine."""
        return self.beyond_ms(0.5) / (percentile(self.echo_s, 0.5) * 1000)


@dataclass
class Sustained:
    """Effects under full load: how many succeeded in `seconds`, and what the provider counted meanwhile."""

    callers: int
    seconds: float
    succeeded: int
    asked_twice: int
    failed: Mapping[str, int]
    paid: int
    repeated: int
    latencies_s: list[float]
    cpu_ms: Mapping[str, float]

    @property
    def per_second(self) -> float:
        """Effects per second."""
        return self.succeeded / self.seconds

    @property
    def once(self) -> bool:
        """Whether the provider's count says that each effect happened exactly once."""
        return self.repeated == 0 and self.paid == self.succeeded and not self.failed


async def overhead(desk: Desk, direct: Direct, floor: Floor, tool: str, calls: int) -> Overhead:
    """`calls` calls of a tool and as many of what it is compared with, in turns, by one caller."""
    policy, straight = ("PURE", direct.read) if tool == desks.READ else ("IRREVERSIBLE", direct.pay)
    found = Overhead(tool, policy)
    turns = desk.turns()
    for number in range(calls + WARM_UP):
        turn = turns.next()
        through = await _timed(_succeed(desk, turn, tool, secrets.token_hex(8)))
        alone = await _timed(straight(secrets.token_hex(8)))
        echo, empty = await _timed(floor.echo()), await _timed(floor.empty_call())
        if number >= WARM_UP:
            found.through_s.append(through)
            found.direct_s.append(alone)
            found.echo_s.append(echo)
            found.empty_s.append(empty)
    return found


async def sustained(desk: Desk, direct: Direct, callers: int, seconds: float) -> Sustained:
    """`callers` sessions that have one irreversible effect after the other carried out."""
    before, used = await direct.count(), cpu.seconds(desk.pids)
    latencies: list[float] = []
    failed: dict[str, int] = {}
    twice = 0
    began = time.perf_counter()

    async def session() -> None:
        nonlocal twice
        turns, number = desk.turns(), 0
        while time.perf_counter() < began + seconds:
            turn, order = turns.next(), secrets.token_hex(8)
            started = time.perf_counter()
            number += 1
            asked = 2 if number % ASKED_TWICE_EVERY == 0 else 1
            results = await asyncio.gather(
                *(desk.execute(turn, desks.PAY, order) for _ in range(asked)), return_exceptions=True
            )
            twice += asked - 1
            if reason := next((text for text in map(_failure, results) if text), ""):
                failed[reason] = failed.get(reason, 0) + 1
            else:
                latencies.append(time.perf_counter() - started)

    await asyncio.gather(*(session() for _ in range(callers)))
    took, after = time.perf_counter() - began, await direct.count()
    return Sustained(
        callers,
        took,
        len(latencies),
        twice,
        failed,
        after.paid - before.paid,
        after.repeated - before.repeated,
        latencies,
        cpu.per_exchange_ms(used, cpu.seconds(desk.pids), len(latencies)),
    )


async def _timed(call: Awaitable[object]) -> float:
    began = time.perf_counter()
    await call
    return time.perf_counter() - began


async def _succeed(desk: Desk, turn: desks.Turn, tool: str, order: str) -> None:
    result = await desk.execute(turn, tool, order)
    assert result.status == tool_pb2.TOOL_STATUS_SUCCESS, result.error_message


def _failure(outcome: tool_pb2.ToolResult | BaseException) -> str:
    if isinstance(outcome, BaseException):
        return type(outcome).__name__
    if outcome.status in {tool_pb2.TOOL_STATUS_SUCCESS, tool_pb2.TOOL_STATUS_CACHED}:
        return ""
    return outcome.error_reason or tool_pb2.ToolStatus.Name(outcome.status)
