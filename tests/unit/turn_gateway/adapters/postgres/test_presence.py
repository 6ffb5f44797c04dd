import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from focal_service_kit import settings, tasks
from focal_turn_gateway.adapters.postgres.presence import Presence
from tests.fakes.gateway_wire import Wire, wire
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

LEASE_S = 1.0


class Place:
    """An instance on a wire that can be cut, and what the database says about it."""

    def __init__(self, carrying: Wire, pool: asyncpg.Pool) -> None:
        self.wire, self.pool = carrying, pool
        self.joined: list[int] = []
        self.lost = 0
        chosen = settings.PostgresSettings(url=carrying.url)
        self.presence = Presence(chosen, "gtw_1", heartbeat_s=0.05, lease_s=LEASE_S)
        self.running = asyncio.ensure_future(self.presence.run(self.joined.append, self._lost))

    def _lost(self) -> None:
        self.lost += 1

    async def alive(self) -> list[int]:
        rows = await self.pool.fetch("SELECT turns.live_gateways($1) AS number", timedelta(seconds=LEASE_S))
        return [row["number"] for row in rows]

    async def until_alive(self, number: int) -> None:
        async def is_alive() -> bool:
            return await self.alive() == [number]

        await until(is_alive, f"{number} is alive")


@pytest.fixture
async def place(database: str, pool: asyncpg.Pool) -> AsyncIterator[Place]:
    async with wire(database) as carrying:
        place = Place(carrying, pool)
        await until(lambda: place.joined, "joined")
        yield place
        await tasks.cancel([place.running])


async def test_an_instance_is_alive_from_the_moment_it_joined(place: Place) -> None:
    assert await place.alive() == place.joined


async def test_an_instance_that_leaves_is_dead_at_once(place: Place) -> None:
    await tasks.cancel([place.running])
    started = time.monotonic()

    async def dead() -> bool:
        return await place.alive() == []

    await until(dead, "it is dead")
    assert time.monotonic() - started < LEASE_S / 2


async def test_a_lost_connection_is_made_again_under_the_same_number(place: Place) -> None:
    [number] = place.joined
    await place.wire.drop()
    await until(lambda: len(place.joined) == 2, "joined again")
    assert place.joined == [number, number]
    assert place.lost == 0
    await place.until_alive(number)


async def test_a_server_that_was_away_finds_the_instance_as_it_was(place: Place) -> None:
    await place.wire.cut()
    await asyncio.sleep(0.3)
    await place.wire.mend()
    await until(lambda: len(place.joined) == 2, "joined again")
    assert (len(set(place.joined)), place.lost) == (1, 0)


async def test_an_instance_whose_number_is_still_held_takes_a_new_one(place: Place) -> None:
    """The server has not noticed yet that the old connection is gone."""
    [number] = place.joined
    await place.wire.cut()

    async def taken() -> bool:
        return bool(await holder.fetchval("SELECT pg_try_advisory_lock(7401, $1)", number))

    async with place.pool.acquire() as holder:
        await until(taken, "the old number is held")
        await place.wire.mend()
        await until(lambda: len(place.joined) == 2, "joined again")
    assert place.joined[1] != number


async def test_a_loop_that_was_stuck_beyond_the_lease_starts_over(place: Place) -> None:
    [number] = place.joined
    time.sleep(LEASE_S * 1.2)  # noqa: ASYNC251 - the whole loop stands still, as when the process is frozen
    assert await place.alive() == []
    await until(lambda: len(place.joined) == 2, "joined again")
    assert place.lost == 1
    assert place.joined[1] != number
    await place.until_alive(place.joined[1])


async def test_a_server_that_hangs_beyond_the_lease_is_given_up(place: Place) -> None:
    place.wire.hang()
    await asyncio.sleep(LEASE_S * 1.2)

    async def dead() -> bool:
        return await place.alive() == []

    await until(dead, "it counts as frozen")
    await place.wire.cut()
    await place.wire.mend()
    await until(lambda: len(place.joined) == 2, "joined again")


async def test_an_instance_that_was_forgotten_starts_over(place: Place) -> None:
    await place.pool.execute("DELETE FROM turns.gateways")
    await until(lambda: len(place.joined) == 2, "joined again")
    assert place.lost == 1


async def test_instances_that_are_long_dead_are_forgotten(place: Place) -> None:
    await place.pool.execute(
        "INSERT INTO turns.gateways (instance, heartbeat_at) VALUES ('old', now() - interval '2 days')"
    )
    time.sleep(LEASE_S * 1.2)  # noqa: ASYNC251
    await until(lambda: len(place.joined) == 2, "joined anew")
    assert await place.pool.fetchval("SELECT count(*) FROM turns.gateways WHERE instance = 'old'") == 0


async def test_a_presence_that_is_told_to_end_while_the_server_hangs_ends(place: Place) -> None:
    place.wire.hang()
    await asyncio.sleep(0.1)
    async with asyncio.timeout(10):
        await tasks.cancel([place.running])
