import asyncio

from focal_kernel.errors import Unavailable
from focal_service_kit import tasks
from focal_toolbox.core import rounds
from tests.fakes.until import until


async def test_a_round_whose_ledger_is_away_is_followed_by_the_next() -> None:
    done: list[int] = []

    async def once() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise Unavailable("DEPENDENCY_UNAVAILABLE", "away")

    running = asyncio.ensure_future(rounds.repeat("test", 0.001, once))
    await until(lambda: len(done) > 2, "rounds go on")
    await tasks.cancel([running])
