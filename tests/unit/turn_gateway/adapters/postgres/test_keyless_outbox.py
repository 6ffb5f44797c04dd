"""Rows for a destination without keys: recorded before they are sent, in doubt when nobody notes the end."""

import json

import asyncpg
import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres.deliveries import PostgresDeliveries
from focal_turn_gateway.adapters.postgres.outbox import PostgresKeylessOutbox
from focal_turn_gateway.domain.deliveries import DeliveryFilter, DeliveryState, Resolution, Resolve
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.ports.delivery import ClaimedRow

pytestmark = pytest.mark.migrated("focal_turn_gateway")

LAPSED = "UPDATE turns.outbox SET claimed_until = now() - interval '1 s' WHERE claimed_until IS NOT NULL"


class Place:
    """Parts 1 and 2 of session a, 3 of session b for the callback `web`; part 4 of c for `sms`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.outbox = PostgresKeylessOutbox(pool, "callback", claim_s=10)
        self.desk = PostgresDeliveries(pool)

    async def fill(self) -> None:
        for key, session, callback in (
            ("1", "a", "web"),
            ("2", "a", "web"),
            ("3", "b", "web"),
            ("4", "c", "sms"),
        ):
            await self.pool.execute(
                "INSERT INTO turns.sessions (session_id, tenant_id, agent_id, customer_id, channel)"
                " VALUES ($1, 'acme', 'desk', $1, 'web') ON CONFLICT DO NOTHING",
                session,
            )
            await self.pool.execute(
                "INSERT INTO turns.outbox (tenant_id, session_id, destination, dedupe_key, payload)"
                " VALUES ('acme', $1, 'callback', $2, $3)",
                session,
                key,
                json.dumps({"callback": callback, "turn_id": "trn_1", "segment": 0, "part": 1}),
            )

    async def claim(self) -> dict[str, ClaimedRow]:
        return {row.dedupe_key: row for row in await self.outbox.claim("web", 10)}

    async def state(self, key: str) -> str:
        return str(await self.pool.fetchval("SELECT state FROM turns.outbox WHERE dedupe_key = $1", key))

    async def told(self) -> list[tuple[str, str]]:
        """Key and state of the events about deliveries."""
        rows = await self.pool.fetch(
            "SELECT body->>'dedupe_key', body->>'state' FROM turns.events"
            " WHERE name = 'infra.delivery.updated' ORDER BY session_id, \"offset\""
        )
        return [tuple(row) for row in rows]


@pytest.fixture
async def place(pool: asyncpg.Pool) -> Place:
    place = Place(pool)
    await place.fill()
    return place


async def test_a_callback_claims_its_own_rows_one_of_each_session(place: Place) -> None:
    assert list(await place.claim()) == ["1", "3"]
    assert [row.dedupe_key for row in await place.outbox.claim("sms", 10)] == ["4"]


async def test_what_is_being_sent_is_recorded_and_holds_back_what_comes_behind_it(place: Place) -> None:
    rows = await place.claim()
    await place.outbox.begin(rows["1"])
    assert await place.state("1") == "SENDING"
    await place.pool.execute(LAPSED)
    assert list(await place.claim()) == ["3"]


async def test_a_claim_that_lapsed_may_not_begin(place: Place) -> None:
    stale = (await place.claim())["1"]
    await place.pool.execute(LAPSED)
    with pytest.raises(errors.ClaimLost):
        await place.outbox.begin(stale)
    fresh = (await place.claim())["1"]
    with pytest.raises(errors.ClaimLost):
        await place.outbox.begin(stale)
    await place.outbox.begin(fresh)
    with pytest.raises(errors.ClaimLost):
        await place.outbox.begin(fresh)


async def test_what_nobody_noted_the_end_of_is_in_doubt_and_lets_the_next_pass(place: Place) -> None:
    await place.outbox.begin((await place.claim())["1"])
    assert await place.outbox.doubt_lost() == []
    await place.pool.execute(LAPSED)
    assert await place.outbox.doubt_lost() == ["a"]
    assert await place.state("1") == "IN_DOUBT"
    assert await place.state("3") == "PENDING"  # claimed and never begun: nothing was sent
    assert sorted(await place.claim()) == ["2", "3"]
    assert await place.told() == [("1", "IN_DOUBT")]


async def test_a_session_that_is_busy_is_doubted_at_the_next_look(place: Place) -> None:
    await place.outbox.begin((await place.claim())["1"])
    await place.pool.execute(LAPSED)
    async with place.pool.acquire() as busy, busy.transaction():
        await busy.execute("SELECT 1 FROM turns.sessions WHERE session_id = 'a' FOR UPDATE")
        assert await place.outbox.doubt_lost() == []
    assert await place.outbox.doubt_lost() == ["a"]


async def test_an_answer_that_came_too_late_still_ends_the_doubt(place: Place) -> None:
    thawed = (await place.claim())["1"]
    await place.outbox.begin(thawed)
    await place.pool.execute(LAPSED)
    await place.outbox.doubt_lost()
    assert await place.outbox.settle(thawed, DeliveryState.DELIVERED, "")
    assert await place.told() == [("1", "IN_DOUBT"), ("1", "DELIVERED")]


async def test_an_answer_that_comes_after_a_person_decided_changes_nothing(place: Place) -> None:
    thawed = (await place.claim())["1"]
    await place.outbox.begin(thawed)
    await place.pool.execute(LAPSED)
    await place.outbox.doubt_lost()
    resend = Resolve(thawed.outbox_id, Resolution.RESEND, "lost", "ada")
    resolved = await place.desk.resolve("acme", resend, Request("", ""))
    assert (resolved.state, resolved.attempts) == (DeliveryState.PENDING, 0)
    again = (await place.claim())["1"]
    assert (again.attempts, again.claim) == (1, 2)
    assert not await place.outbox.settle(thawed, DeliveryState.FAILED, "refused")
    await place.outbox.postpone(thawed, "away", 60)
    await place.outbox.begin(again)
    assert await place.state("1") == "SENDING"


async def test_what_went_well_is_no_event_and_what_failed_is(place: Place) -> None:
    rows = await place.claim()
    for row in rows.values():
        await place.outbox.begin(row)
    assert await place.outbox.settle(rows["1"], DeliveryState.DELIVERED, "")
    assert await place.outbox.settle(rows["3"], DeliveryState.FAILED, "refused")
    assert await place.told() == [("3", "FAILED")]


async def test_what_certainly_did_not_arrive_waits_for_its_next_attempt(place: Place) -> None:
    row = (await place.claim())["1"]
    await place.outbox.begin(row)
    await place.outbox.postpone(row, "the receiver answered 429", 60)
    assert "1" not in await place.claim()
    waiting = (await place.desk.page("acme", DeliveryFilter((DeliveryState.PENDING,)), 0, 10))[-1]
    assert (waiting.dedupe_key, waiting.reason) == ("1", "the receiver answered 429")


async def test_what_waits_may_be_dropped_unless_somebody_is_at_it(place: Place) -> None:
    claimed = (await place.claim())["1"]
    drop = Resolve(claimed.outbox_id, Resolution.DROP, "not wanted", "ada")
    with pytest.raises(errors.DeliveryNotResolvable):
        await place.desk.resolve("acme", drop, Request("", ""))
    await place.pool.execute(LAPSED)
    assert (await place.desk.resolve("acme", drop, Request("", ""))).state is DeliveryState.FAILED
    with pytest.raises(errors.ClaimLost):
        await place.outbox.begin(claimed)
