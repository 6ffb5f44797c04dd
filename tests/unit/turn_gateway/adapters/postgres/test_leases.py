from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from focal_turn_gateway.adapters.postgres.leases import Leases
from focal_turn_gateway.adapters.postgres.message_store import PostgresMessageStore
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from tests.fakes.gateway_turns import QUEUE
from tests.fakes.turn_gateway import submission

pytestmark = pytest.mark.migrated("focal_turn_gateway")

ME, OTHER = 1, 2


class Place:
    """A session with one message; instances live while their lock is held here."""

    def __init__(self, pool: asyncpg.Pool, connection: asyncpg.Connection, session_id: str) -> None:
        self.pool, self.session_id = pool, session_id
        self.leases = Leases(pool, lease_s=3)
        self._connection = connection

    async def live(self, number: int) -> None:
        await self._connection.execute(
            "INSERT INTO turns.gateways (number, instance) OVERRIDING SYSTEM VALUE VALUES ($1, 'x')", number
        )
        await self._connection.execute("SELECT pg_advisory_lock(7401, $1)", number)

    async def kill(self, number: int) -> None:
        await self._connection.execute("SELECT pg_advisory_unlock(7401, $1)", number)

    async def freeze(self, number: int) -> None:
        await self._connection.execute(
            "UPDATE turns.gateways SET heartbeat_at = now() - interval '10 s' WHERE number = $1", number
        )

    async def age(self) -> None:
        await self.pool.execute("UPDATE turns.messages SET received_at = received_at - interval '5 s'")

    async def abandoned(self, *draining: str) -> list[str]:
        found = await self.leases.abandoned(ME, list(draining), 10)
        assert {tenant_id for tenant_id, _ in found} <= {"acme"}
        return [session_id for _, session_id in found]


@pytest.fixture
async def place(pool: asyncpg.Pool, database: str) -> AsyncIterator[Place]:
    accepted = await PostgresMessageStore(pool, 10_000, QUEUE).submit(
        submission(), Window(0, AggregationReason.OFF)
    )
    connection = await asyncpg.connect(database)
    yield Place(pool, connection, accepted.session_id)
    await connection.close()


async def test_a_free_session_can_be_claimed_and_again_by_its_holder(place: Place) -> None:
    await place.live(ME)
    assert [await place.leases.claim(place.session_id, ME) for _ in range(2)] == [True, True]


async def test_a_live_holder_keeps_its_session(place: Place) -> None:
    await place.live(OTHER)
    await place.leases.claim(place.session_id, OTHER)
    assert not await place.leases.claim(place.session_id, ME)


async def test_a_killed_holder_loses_its_session_at_once(place: Place) -> None:
    await place.live(OTHER)
    await place.leases.claim(place.session_id, OTHER)
    await place.kill(OTHER)
    assert await place.leases.claim(place.session_id, ME)


async def test_a_frozen_holder_loses_its_session(place: Place) -> None:
    await place.live(OTHER)
    await place.leases.claim(place.session_id, OTHER)
    await place.freeze(OTHER)
    assert await place.leases.claim(place.session_id, ME)


async def test_a_release_says_whether_messages_wait_and_gives_back_only_what_is_held(place: Place) -> None:
    await place.live(ME)
    await place.live(OTHER)
    await place.leases.claim(place.session_id, ME)
    assert not await place.leases.release(place.session_id, OTHER)
    assert not await place.leases.claim(place.session_id, OTHER)
    assert await place.leases.release(place.session_id, ME)
    await place.leases.claim(place.session_id, OTHER)
    await place.pool.execute("UPDATE turns.messages SET turn_id = 'trn_1'")
    assert not await place.leases.release(place.session_id, OTHER)


async def test_a_message_that_waits_too_long_makes_its_session_abandoned(place: Place) -> None:
    assert await place.abandoned() == []
    await place.age()
    assert await place.abandoned() == [place.session_id]
    assert await place.abandoned(place.session_id) == []


async def test_what_a_live_instance_holds_is_not_abandoned_until_it_dies(place: Place) -> None:
    await place.age()
    await place.live(OTHER)
    await place.leases.claim(place.session_id, OTHER)
    assert await place.abandoned() == []
    await place.kill(OTHER)
    assert await place.abandoned() == [place.session_id]


async def test_what_this_instance_holds_without_draining_it_is_abandoned(place: Place) -> None:
    await place.age()
    await place.live(ME)
    await place.leases.claim(place.session_id, ME)
    assert await place.abandoned() == [place.session_id]


async def test_a_tenant_that_floods_does_not_fill_a_sweep(place: Place) -> None:
    store = PostgresMessageStore(place.pool, 10_000, QUEUE)
    window = Window(0, AggregationReason.OFF)
    for number in range(8):
        await store.submit(replace(submission(user=f"u{number}"), tenant_id="flood"), window)
    quiet = await store.submit(replace(submission(), tenant_id="quiet"), window)
    await place.pool.execute("UPDATE turns.messages SET received_at = received_at - interval '1 minute'")
    found = await place.leases.abandoned(ME, [], 3)
    assert ("quiet", quiet.session_id) in found
    assert [tenant_id for tenant_id, _ in found].count("flood") == 1
