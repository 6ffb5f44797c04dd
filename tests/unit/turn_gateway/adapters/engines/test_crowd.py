import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import prometheus_client as prometheus

from focal_service_kit import tasks
from focal_turn_gateway.adapters.engines.crowd import Crowd
from focal_turn_gateway.adapters.engines.places import Places
from focal_turn_gateway.domain.crowding import Crowding
from tests.fakes.until import until

EVERY_S = 0.02


@asynccontextmanager
async def watched(places: Places) -> AsyncIterator[Crowd]:
    crowd = Crowd(
        places,
        Crowding(late_ms=50, shrink=0.5, least=0.25, first=4, most=4),
        prometheus.CollectorRegistry(),
        nap_s=0.005,
        every_s=EVERY_S,
        usual_s=60,
        waiting=3,
    )
    watching = asyncio.create_task(crowd.run())
    try:
        yield crowd
    finally:
        await tasks.cancel([watching])


async def test_one_tenant_alone_has_all_places_however_late_turns_come() -> None:
    places = Places(100, lambda _: 100)
    async with watched(places) as crowd:
        for _ in range(50):
            crowd.crowds("acme")
            crowd.noticed(5.0)
        await asyncio.sleep(0.1)
        assert places.pace is None


async def test_two_tenants_share_and_late_turns_make_places_scarce() -> None:
    places = Places(100, lambda _: 100)
    async with watched(places) as crowd:
        crowd.crowds("acme")
        crowd.crowds("globex")
        crowd.noticed(0.001)
        await until(lambda: places.pace == 4 / EVERY_S, "places are scarce")
        crowd.noticed(5.0)
        await until(lambda: places.pace == 2 / EVERY_S, "fewer places")


async def test_a_flood_is_told_once_turns_come_late_and_enough_of_it_waits() -> None:
    places = Places(100, lambda _: 100)
    async with watched(places) as crowd:
        for _ in range(50):
            crowd.crowds("flood")
        crowd.crowds("quiet")
        crowd.noticed(0.001)
        await until(lambda: places.pace == 4 / EVERY_S, "places are scarce")
        waiting = [asyncio.create_task(places.take("flood")) for _ in range(100)]
        await asyncio.sleep(0)
        assert not crowd.crowds("flood")
        crowd.noticed(5.0)
        await until(lambda: crowd.crowds("flood"), "the flood is told")
        assert not crowd.crowds("quiet")
        await tasks.cancel(waiting)
