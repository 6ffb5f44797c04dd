import asyncio
from typing import Any

import asyncpg
import pytest

from focal_turn_gateway.adapters.postgres.message_store import PostgresMessageStore
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.messages import Address, Content, Submission
from focal_turn_gateway.domain.personal_addresses import Kind, PersonalAddress
from tests.fakes.gateway_turns import QUEUE
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

AT_ONCE = Window(0, AggregationReason.OFF)
PHONE = PersonalAddress(Kind.PHONE, "+34600111222")


def said(
    channel: str, user: str = PHONE.value, owned: PersonalAddress | None = PHONE, tenant: str = "acme"
) -> Submission:
    return Submission(tenant, Address("desk", channel, user), Content("hi"), "", owned=owned)


class Place:
    """A store, over the pool or over one connection, and who is behind its messages."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.store = PostgresMessageStore(pool, 1000, QUEUE)

    async def customer(self, submission: Submission) -> str:
        accepted = await self.store.submit(submission, AT_ONCE)
        customer: str = await self.pool.fetchval(
            "SELECT customer_id FROM turns.sessions WHERE session_id = $1", accepted.session_id
        )
        return customer


@pytest.fixture
def place(pool: asyncpg.Pool) -> Place:
    return Place(pool)


async def test_a_verified_address_is_one_customer_on_all_channels(place: Place) -> None:
    first = await place.customer(said("whatsapp"))
    assert await place.customer(said("sms")) == first
    assert await place.customer(said("web", "visitor-7")) == first
    assert (
        await place.customer(said("sms", "+34600111333", PersonalAddress(Kind.PHONE, "+34600111333")))
        != first
    )


async def test_an_unverified_address_is_somebody_else(place: Place) -> None:
    first = await place.customer(said("whatsapp"))
    assert await place.customer(said("web", owned=None)) != first


async def test_the_same_address_is_another_customer_at_another_tenant(place: Place) -> None:
    assert await place.customer(said("whatsapp")) != await place.customer(said("sms", tenant="umbrella"))


async def test_an_identity_keeps_its_customer_whatever_is_verified_later(place: Place) -> None:
    before = await place.customer(said("web", owned=None))
    other = await place.customer(said("sms"))
    assert before != other
    assert await place.customer(said("web")) == before
    assert await place.customer(said("whatsapp")) == other


async def test_an_address_that_is_verified_later_links_from_then_on(place: Place) -> None:
    before = await place.customer(said("web", owned=None))
    assert await place.customer(said("web")) == before
    assert await place.customer(said("sms")) == before


async def blocked(pool: asyncpg.Pool) -> bool:
    waiting = await pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(waiting)


async def test_two_channels_that_bring_a_person_at_the_same_instant_make_one_customer(
    pool: asyncpg.Pool,
) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        first = await Place(connection).customer(said("whatsapp"))
        second = asyncio.create_task(Place(pool).customer(said("sms")))
        await until(lambda: blocked(pool), "the second waits for the first")
        await transaction.commit()
        assert await second == first


async def test_when_the_first_of_two_is_refused_the_second_is_a_customer_of_its_own(
    pool: asyncpg.Pool,
) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        first = await Place(connection).customer(said("whatsapp"))
        second = asyncio.create_task(Place(pool).customer(said("sms")))
        await until(lambda: blocked(pool), "the second waits for the first")
        await transaction.rollback()
        assert await second != first
        assert await Place(pool).customer(said("whatsapp")) == await second


async def test_an_identity_that_was_quicker_unverified_gets_the_address(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        first = await Place(connection).customer(said("web", owned=None))
        second = asyncio.create_task(Place(pool).customer(said("web")))
        await until(lambda: blocked(pool), "the second waits for the first")
        await transaction.commit()
        assert await second == first
        assert await Place(pool).customer(said("sms")) == first


async def test_many_people_on_two_channels_at_once_are_as_many_customers(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    numbers = [f"+3460011122{n}" for n in range(8)]
    messages = [
        said(channel, number, PersonalAddress(Kind.PHONE, number))
        for number in numbers
        for channel in ("whatsapp", "sms")
    ]
    customers = await asyncio.gather(*map(place.customer, messages))
    assert customers[::2] == customers[1::2]
    assert len(set(customers)) == len(numbers)
