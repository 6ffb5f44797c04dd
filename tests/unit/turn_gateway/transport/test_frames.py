import asyncio

import pytest

from focal_service_kit import tasks
from focal_turn_gateway.transport.frames import Frames


async def written(frames: Frames[int]) -> list[int]:
    async with asyncio.timeout(5):
        return [frame async for frame in frames.written()]


async def test_frames_are_written_in_order_until_the_end() -> None:
    frames = Frames[int](10)
    for number in range(3):
        await frames.put(number)
    frames.end()
    frames.end()
    assert await written(frames) == [0, 1, 2]


async def test_a_slow_reader_makes_the_writers_wait() -> None:
    frames = Frames[int](2)
    produced = 0

    async def produce() -> None:
        nonlocal produced
        for number in range(10):
            await frames.put(number)
            produced += 1

    task = frames.fed_by(produce(), "produce")
    await asyncio.sleep(0.01)
    assert produced == 2
    reading = frames.written()
    assert await anext(reading) == 0
    await asyncio.sleep(0.01)
    assert produced == 3
    await reading.aclose()
    await tasks.cancel([task])


async def test_the_end_does_not_wait_for_room() -> None:
    frames = Frames[int](1)
    await frames.put(1)
    frames.end()
    assert await written(frames) == [1]


async def test_a_task_that_fails_ends_the_stream_with_its_failure_behind_what_is_queued() -> None:
    frames = Frames[int](10)

    async def produce() -> None:
        await frames.put(1)
        raise ConnectionError("lost")

    frames.fed_by(produce(), "produce")
    reading = frames.written()
    assert await anext(reading) == 1
    with pytest.raises(ConnectionError, match="lost"):
        await anext(reading)


async def test_a_task_that_ends_well_or_is_cancelled_does_not_end_the_stream() -> None:
    frames = Frames[int](10)

    async def forever() -> None:
        await asyncio.Event().wait()

    await tasks.cancel([frames.fed_by(forever(), "forever")])
    await frames.fed_by(frames.put(1), "once")
    reading = frames.written()
    assert await anext(reading) == 1
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(reading), 0.05)
