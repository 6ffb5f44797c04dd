"""What keeping artifacts costs a turn of the pipeline: CPU with none, the default and all of them kept.

Run `.venv/bin/python -m benchmarks.artifacts [turns]`. The pipeline runs with its peers in one process; the
gateway's side only acknowledges, so that its writes (one row per artifact that is kept, beside the turn) are
not in the figures.
"""

from __future__ import annotations

import asyncio
import sys
import time

from tests.fakes import pipeline_peers

TURNS = 300
NONE, DEFAULT, ALL = 1e9, 50.0, 0.0


async def cpu_ms(worth_ms: float, turns: int) -> tuple[float, float]:
    """CPU ms per turn of the whole process, and how many artifacts a turn offered."""
    offered = 0
    async with pipeline_peers.mesh(artifacts={"worth_ms": worth_ms}) as mesh:
        await mesh.customer().say("hello")
        began = time.process_time()
        for _ in range(turns):
            attempt = await mesh.customer().say("What are your opening hours?")
            offered += len(attempt.of("artifact"))
        return (time.process_time() - began) * 1000 / turns, offered / turns


async def main() -> None:
    """Print the figures, each twice."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    for name, worth_ms in (("none", NONE), ("default", DEFAULT), ("all", ALL)) * 2:
        spent, offered = await cpu_ms(worth_ms, turns)
        print(f"{name:<8} {spent:6.2f} ms CPU a turn, {offered:.1f} artifacts")


if __name__ == "__main__":
    asyncio.run(main())
