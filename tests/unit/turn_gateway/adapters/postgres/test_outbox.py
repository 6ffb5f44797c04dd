import asyncio

import asyncpg
import pytest

from focal_turn_gateway.adapters.postgres.outbox import PostgresOutbox

pytestmark = pytest.mark.migrated("focal_turn_gateway")


class Place:
    """Rows of two sessions: a1, a2, b1 to `memory`, and o1 to `outbound`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.outbox = PostgresOutbox(pool, claim_s=10)

    async def fill(self) -> None:
        for destination, session, key in (
            ("memory", "a", "a1"),
            ("memory", "a", "a2"),
            ("memory", "b", "b1"),
            ("outbound", "a", "o1"),
        ):
            await self.pool.execute(
                "INSERT INTO turns.outbox (tenant_id, session_id, destination, dedupe_key, payload)"
                " VALUES ('acme', $1, $2, $3, '{\"n\": 1}')",
                session,
                destination,
                key,
            )

    async def claim(self) -> dict[str, int]:
        """Keys to ids of what is claimed for memory."""
        return {row.dedupe_key: row.outbox_id for row in await self.outbox.claim("memory", 10)}


@pytest.fixture
async def place(pool: asyncpg.Pool) -> Place:
    place = Place(pool)
    await place.fill()
    return place


async def test_the_oldest_row_of_each_session_is_claimed(place: Place) -> None:
    rows = await place.outbox.claim("memory", 10)
    assert [(row.dedupe_key, row.attempts, row.payload) for row in rows] == [
        ("a1", 1, {"n": 1}),
        ("b1", 1, {"n": 1}),
    ]


async def test_what_is_claimed_is_nobody_elses_and_holds_back_its_session(place: Place) -> None:
    await place.claim()
    assert await place.claim() == {}


async def test_a_delivered_row_lets_the_next_one_pass(place: Place) -> None:
    claimed = await place.claim()
    await place.outbox.delivered([claimed["a1"]])
    assert list(await place.claim()) == ["a2"]


async def test_a_row_given_up_lets_the_next_one_pass(place: Place) -> None:
    rows = {row.dedupe_key: row for row in await place.outbox.claim("memory", 10)}
    await place.outbox.give_up(rows["a1"], "TEXT_TOO_LONG")
    assert list(await place.claim()) == ["a2"]
    given_up = await place.pool.fetchrow("SELECT state, reason FROM turns.outbox WHERE dedupe_key = 'a1'")
    assert tuple(given_up or ()) == ("FAILED", "TEXT_TOO_LONG")


async def test_a_postponed_row_comes_back_later_and_keeps_its_place(place: Place) -> None:
    claimed = await place.claim()
    await place.outbox.postpone([claimed["a1"]], 60)
    assert await place.claim() == {}
    await place.pool.execute("UPDATE turns.outbox SET next_attempt_at = now() WHERE dedupe_key = 'a1'")
    assert list(await place.claim()) == ["a1"]


async def test_the_claim_of_a_dead_process_lapses(place: Place) -> None:
    await place.claim()
    await place.pool.execute("UPDATE turns.outbox SET claimed_until = now() - interval '1 s'")
    assert sorted(await place.claim()) == ["a1", "b1"]


async def test_many_workers_never_claim_the_same_row(place: Place) -> None:
    claims = await asyncio.gather(*(place.claim() for _ in range(8)))
    assert sorted(key for claim in claims for key in claim) == ["a1", "b1"]
