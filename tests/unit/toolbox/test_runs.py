import asyncio

import pytest

from focal_service_kit import deadlines
from focal_toolbox.core.runs import Runs


async def test_a_run_has_no_deadline_of_its_callers() -> None:
    runs = Runs()

    async def look() -> float | None:
        return deadlines.remaining()

    with deadlines.within(5):
        assert await runs.start("look", look()) is None


async def test_draining_waits_for_runs() -> None:
    runs, ended = Runs(), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.01)
        ended.set()

    runs.start("work", work())
    await runs.drain(5)
    assert ended.is_set()


async def test_draining_cancels_what_takes_too_long_and_lets_it_have_the_last_word() -> None:
    runs, words = Runs(), []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            words.append("doubt")
            raise

    task = runs.start("work", work())
    await runs.drain(0.01)
    assert task.cancelled()
    assert words == ["doubt"]


async def test_who_waits_for_an_effect_is_woken_at_its_end() -> None:
    runs = Runs()
    runs.begin("eff_1")
    waiting = asyncio.create_task(runs.ended("eff_1", poll_s=60, at_most_s=60))
    await asyncio.sleep(0)
    runs.end("eff_1")
    await asyncio.wait_for(waiting, 10)


@pytest.mark.parametrize(("poll_s", "at_most_s", "begun"), [(60, 0.01, True), (0.01, 60, False)])
async def test_waiting_is_bounded(poll_s: float, at_most_s: float, begun: bool) -> None:
    runs = Runs()
    if begun:
        runs.begin("eff_1")
    await asyncio.wait_for(runs.ended("eff_1", poll_s, at_most_s), 10)
