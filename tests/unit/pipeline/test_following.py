import asyncio

from focal_kernel.clock import ManualClock
from focal_pipeline.core import following, runtimes
from focal_pipeline.domain.bundle import Pointer
from tests.fakes import pipeline as fakes
from tests.fakes.until import until


async def test_the_watch_is_taken_up_again_after_pauses_that_grow() -> None:
    source, pauses = fakes.Bundles(), list[float]()
    cached = runtimes.Runtimes(source, fakes.EMBEDDER, size=1, ttl_s=1, timer=ManualClock().monotonic)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    task = asyncio.create_task(
        following.follow(source, cached, first_pause_s=1, longest_pause_s=4, sleep=sleep)
    )
    for _ in range(4):
        source.pointers.put_nowait(None)
    await until(lambda: len(pauses) == 4, "four pauses")
    task.cancel()
    for pause, nominal in zip(pauses, (1, 2, 4, 4), strict=True):
        assert 0.75 * nominal <= pause <= 1.25 * nominal


async def test_a_pointer_received_makes_the_next_pause_short() -> None:
    source, pauses = fakes.Bundles(), list[float]()
    cached = runtimes.Runtimes(source, fakes.EMBEDDER, size=1, ttl_s=1, timer=ManualClock().monotonic)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    task = asyncio.create_task(
        following.follow(source, cached, first_pause_s=1, longest_pause_s=60, sleep=sleep)
    )
    for pointer in (None, None, Pointer(fakes.TENANT, fakes.AGENT, 1), None):
        source.pointers.put_nowait(pointer)
    await until(lambda: len(pauses) == 3, "three pauses")
    task.cancel()
    assert pauses[2] <= 1.25
