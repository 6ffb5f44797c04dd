from __future__ import annotations

import asyncio
from contextlib import suppress

from focal_turn_gateway.adapters.postgres.queueing import OneByOne


class Place:
    """Notes who is inside; each stays until it is let go."""

    def __init__(self) -> None:
        self.queue = OneByOne()
        self.inside: list[str] = []
        self.go: dict[str, asyncio.Event] = {}

    def enter(self, name: str, key: str) -> asyncio.Task[None]:
        self.go[name] = asyncio.Event()
        return asyncio.get_running_loop().create_task(self._stay(name, key))

    async def _stay(self, name: str, key: str) -> None:
        async with self.queue.turn(key):
            self.inside.append(name)
            await self.go[name].wait()
            self.inside.remove(name)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_of_one_key_pass_in_their_order_and_others_do_not_wait() -> None:
    place = Place()
    staying = [place.enter(name, key) for name, key in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a"))]
    await settle()
    assert place.inside == ["a1", "b1"]
    for name, then in (("a1", ["b1", "a2"]), ("a2", ["b1", "a3"])):
        place.go[name].set()
        await settle()
        assert place.inside == then
    place.go["a3"].set()
    place.go["b1"].set()
    await asyncio.gather(*staying)


async def test_one_that_gives_up_waiting_lets_the_next_one_through() -> None:
    place = Place()
    first, leaving, last = (place.enter(name, "a") for name in ("a1", "a2", "a3"))
    await settle()
    leaving.cancel()
    with suppress(asyncio.CancelledError):
        await leaving
    place.go["a1"].set()
    await settle()
    assert place.inside == ["a3"]
    place.go["a3"].set()
    await asyncio.gather(first, last)


async def test_nothing_is_kept_of_a_key_that_nobody_holds() -> None:
    place = Place()
    entered = place.enter("a1", "a")
    waiting = place.enter("a2", "a")
    await settle()
    for name in ("a1", "a2"):
        place.go[name].set()
    await asyncio.gather(entered, waiting)
    assert place.queue._locks == {}
