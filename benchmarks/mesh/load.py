"""Closed-loop load: each session sends its next message when the reply to the last one is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

Step = Callable[[int, int], Awaitable[None]]
"""One exchange, given the number of the session and of the exchange."""


@dataclass
class Load:
    """What a run did: `seconds` of wall time, `latencies_s` one entry per exchange."""

    sessions: int
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Exchanges per second."""
        return len(self.latencies_s) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """The latency that `share` (0 to 1) of the exchanges stay below, in milliseconds."""
        return percentile(self.latencies_s, share) * 1000


async def run(step: Step, *, sessions: int, seconds: float, warm_up: int = 2) -> Load:
    """Drive `sessions` sessions for `seconds` after `warm_up` exchanges each."""
    await asyncio.gather(*(_warm(step, session, warm_up) for session in range(sessions)))
    load = Load(sessions)
    started = time.perf_counter()
    await asyncio.gather(
        *(_drive(step, session, warm_up, started + seconds, load) for session in range(sessions))
    )
    load.seconds = time.perf_counter() - started
    return load


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def _warm(step: Step, session: int, exchanges: int) -> None:
    for number in range(exchanges):
        await step(session, number)


async def _drive(step: Step, session: int, number: int, until: float, load: Load) -> None:
    while (began := time.perf_counter()) < until:
        await step(session, number)
        load.latencies_s.append(time.perf_counter() - began)
        number += 1
