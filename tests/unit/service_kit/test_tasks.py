import asyncio

import pytest

from focal_service_kit import tasks
from tests.fakes.until import until


class Stubborn:
    """Work that loses its first `losses` cancellations, as some clients do."""

    def __init__(self, losses: int) -> None:
        self.losses = losses
        self.ended = False

    async def run(self) -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not self.losses:
                    self.ended = True
                    raise
                self.losses -= 1


async def fail() -> None:
    raise ValueError("broken")


async def test_a_task_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    work = Stubborn(losses=2)
    task = asyncio.ensure_future(work.run())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await tasks.cancel([task])
    assert work.ended


async def test_what_a_task_raises_while_it_is_ended_is_its_own_affair() -> None:
    task = asyncio.ensure_future(fail())
    await tasks.cancel([task])
    assert task.done()


async def test_a_caller_that_is_cancelled_meanwhile_leaves_no_task_behind() -> None:
    work = Stubborn(losses=1)
    task = asyncio.ensure_future(work.run())
    await asyncio.sleep(0)
    ending = asyncio.ensure_future(tasks.cancel([task]))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert work.ended


async def test_together_ends_when_one_fails_and_takes_the_others_along() -> None:
    work = Stubborn(losses=1)
    with pytest.raises(ValueError, match="broken"):
        async with asyncio.timeout(5):
            await tasks.together(stubborn=work.run(), failing=fail())
    assert work.ended


async def test_together_can_be_cancelled_however_stubborn_its_parts() -> None:
    parts = [Stubborn(losses=3), Stubborn(losses=0)]
    task = asyncio.ensure_future(tasks.together(one=parts[0].run(), two=parts[1].run()))
    await until(lambda: len(asyncio.all_tasks()) >= 4, "the parts run")
    async with asyncio.timeout(5):
        await tasks.cancel([task])
    assert all(part.ended for part in parts)
