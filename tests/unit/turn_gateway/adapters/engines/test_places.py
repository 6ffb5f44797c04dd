import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from focal_service_kit import tasks
from focal_turn_gateway.adapters.engines.places import Place, Places
from tests.fakes.until import until


class Room:
    """Places and who came into one, in order; everybody stays until told to leave."""

    def __init__(self, total: int, cap: Callable[[str], int] = lambda _: 100) -> None:
        self.places = Places(total, cap)
        self.inside: list[str] = []
        self.order: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._leave: dict[str, asyncio.Event] = {}

    async def come(self, *names: str) -> None:
        """Each wants a place; `a1` is somebody of the tenant `a`."""
        for name in names:
            self._leave[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._stay(name))
            await _settle()

    async def go(self, *names: str) -> None:
        for name in names:
            self._leave[name].set()
            await _settle()

    async def cancel(self, name: str) -> None:
        await tasks.cancel([self.tasks[name]])
        await _settle()

    async def _stay(self, name: str) -> None:
        async with self.places.of(name[0]) as place:
            self.inside.append(name)
            self.order.append(name)
            try:
                await self.during(name, place)
            finally:
                self.inside.remove(name)

    async def during(self, name: str, place: Place) -> None:
        await self._leave[name].wait()


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def room() -> AsyncIterator[Callable[..., Room]]:
    rooms: list[Room] = []

    def make(total: int, cap: Callable[[str], int] = lambda _: 100) -> Room:
        rooms.append(Room(total, cap))
        return rooms[-1]

    yield make
    await tasks.cancel([task for each in rooms for task in each.tasks.values()])


async def test_a_tenant_that_comes_late_is_next_although_others_have_waited_longer(
    room: Callable[..., Room],
) -> None:
    place = room(2)
    await place.come("a1", "a2", "a3", "a4", "a5", "b1")
    await place.go("a1")
    assert place.inside == ["a2", "b1"]


async def test_tenants_with_as_many_places_take_turns(room: Callable[..., Room]) -> None:
    place = room(1)
    await place.come("a1", "a2", "a3", "b1", "b2", "c1")
    while place.inside:
        await place.go(place.inside[0])
    assert place.order == ["a1", "a2", "b1", "c1", "a3", "b2"]


async def test_no_tenant_has_more_than_its_cap_and_free_places_stay_free_for_others(
    room: Callable[..., Room],
) -> None:
    place = room(10, lambda tenant: {"a": 2}.get(tenant, 5))
    await place.come("a1", "a2", "a3", "b1", "b2", "b3")
    assert place.inside == ["a1", "a2", "b1", "b2", "b3"]
    await place.go("b1")
    assert "a3" not in place.inside
    await place.go("a1")
    assert "a3" in place.inside


async def test_those_of_one_tenant_come_in_order(room: Callable[..., Room]) -> None:
    place = room(1)
    await place.come("a1", "a2", "a3")
    await place.go("a1", "a2", "a3")
    assert place.order == ["a1", "a2", "a3"]


async def test_nobody_overtakes_others_of_its_tenant_whose_cap_has_grown(room: Callable[..., Room]) -> None:
    caps = {"a": 1}
    place = room(5, caps.__getitem__)
    await place.come("a1", "a2")
    caps["a"] = 3
    await place.come("a3")
    await place.go("a1")
    assert place.order == ["a1", "a2", "a3"]


async def test_who_gives_up_waiting_takes_no_place(room: Callable[..., Room]) -> None:
    place = room(1)
    await place.come("a1", "b1", "c1")
    await place.cancel("b1")
    await place.go("a1")
    assert place.inside == ["c1"]
    await place.go("c1")
    await place.come("b2")
    assert place.inside == ["b2"]


async def test_a_place_granted_to_one_that_gives_up_goes_to_the_next(room: Callable[..., Room]) -> None:
    place = room(1)
    await place.come("a1", "b1", "c1")
    place._leave["a1"].set()
    while place.inside == ["a1"]:
        await asyncio.sleep(0)
    place.tasks["b1"].cancel()  # its place is granted, and it has not run since
    await _settle()
    assert place.inside == ["c1"]


async def test_who_steps_aside_lets_others_in_and_waits_to_come_back() -> None:
    places = Places(1, lambda _: 5)
    order: list[str] = []
    back = asyncio.Event()

    async def stepping_aside() -> None:
        async with places.of("a") as place:
            order.append("a in")
            async with place.aside():
                await back.wait()
            order.append("a back")

    async def other() -> None:
        async with places.of("b"):
            order.append("b in")
            back.set()
            await _settle()
            order.append("b out")

    await asyncio.wait_for(asyncio.gather(stepping_aside(), other()), 5)
    assert order == ["a in", "b in", "b out", "a back"]


async def test_one_cancelled_while_aside_gives_back_nothing_that_it_does_not_hold() -> None:
    places = Places(1, lambda _: 5)

    async def stepping_aside() -> None:
        async with places.of("a") as place, place.aside():
            await asyncio.Event().wait()

    task = asyncio.create_task(stepping_aside())
    await _settle()
    await tasks.cancel([task])
    async with places.of("b"):
        late = asyncio.create_task(places.take("c"))
        await _settle()
        assert not late.done()
    await asyncio.wait_for(late, 5)


def crowded(place: Room) -> None:
    for _ in range(50):
        place.places.want("a")
    place.places.want("b")


HARDLY_EVER = 0.001
"""Places per second: after the first nobody gets another one while a test runs."""


async def test_a_flood_begins_at_an_even_pace_and_others_do_not_notice(room: Callable[..., Room]) -> None:
    place = room(100)
    crowded(place)
    place.places.set_pace(HARDLY_EVER)
    await place.come("a1", "a2", "a3", "b1", "b2", "b3")
    assert place.inside == ["a1", "b1", "b2", "b3"]
    assert place.places.backlog("a") == 2
    assert place.places.backlog("b") == 0
    await place.go("a1", "b1")
    assert place.inside == ["b2", "b3"]


async def test_who_waits_for_the_pace_is_let_in_when_it_comes_round(room: Callable[..., Room]) -> None:
    place = room(100)
    crowded(place)
    place.places.set_pace(20)
    began = asyncio.get_running_loop().time()
    await place.come("a1", "a2", "a3")
    assert place.inside == ["a1"]
    await until(lambda: place.inside == ["a1", "a2", "a3"], "all are let in")
    assert asyncio.get_running_loop().time() - began >= 2 / 20


async def test_what_was_not_taken_of_a_pace_is_not_kept(room: Callable[..., Room]) -> None:
    place = room(100)
    crowded(place)
    place.places.set_pace(100)
    await asyncio.sleep(0.05)
    await place.come("a1", "a2", "a3")
    assert place.inside == ["a1"]


async def test_a_pace_was_used_up_when_somebody_had_to_wait_for_it(room: Callable[..., Room]) -> None:
    place = room(100)
    crowded(place)
    place.places.set_pace(HARDLY_EVER)
    await place.come("a1")
    assert not place.places.used_up
    await place.come("a2")
    assert place.places.used_up


async def test_a_faster_pace_lets_in_at_once_whom_it_would_have_let_in_by_now(
    room: Callable[..., Room],
) -> None:
    place = room(100)
    crowded(place)
    place.places.set_pace(HARDLY_EVER)
    await place.come("a1", "a2", "a3")
    await asyncio.sleep(0.01)
    place.places.set_pace(100)
    await _settle()
    assert place.inside == ["a1", "a2"]


async def test_who_keeps_within_what_it_booked_gets_as_much_as_the_others_want() -> None:
    places = Places(100, lambda _: 100, booked={"busy": 1000.0, "flood": 1.0, "quiet": 1000.0}.__getitem__)
    for _ in range(60):
        places.want("flood")
        places.want("busy")
    for _ in range(30):
        places.want("quiet")
    places.set_pace(HARDLY_EVER)
    began: list[str] = []

    async def begin(tenant_id: str) -> None:
        await places.take(tenant_id)
        began.append(tenant_id)

    begins = [asyncio.create_task(begin(tenant)) for tenant in ("flood", "flood", "busy", "busy")]
    await until(lambda: began.count("busy") == 2, "the busy one begins at the pace of the quiet one")
    assert began.count("flood") == 1
    await tasks.cancel(begins)


async def test_places_are_as_before_when_they_are_scarce_no_more(room: Callable[..., Room]) -> None:
    place = room(100)
    crowded(place)
    place.places.set_pace(HARDLY_EVER)
    await place.come("a1", "a2", "a3")
    assert place.inside == ["a1"]
    place.places.set_pace(None)
    await _settle()
    assert place.inside == ["a1", "a2", "a3"]
    assert place.places.backlog("a") == 0
