import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres.message_store import PostgresMessageStore
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.messages import Address, Content, Submission
from tests.fakes.gateway_turns import QUEUE
from tests.fakes.turn_gateway import submission

pytestmark = pytest.mark.migrated("focal_turn_gateway")

AT_ONCE = Window(0, AggregationReason.OFF)


@pytest.fixture
def store(pool: asyncpg.Pool) -> PostgresMessageStore:
    return PostgresMessageStore(pool, 1_000, QUEUE)


async def session(pool: asyncpg.Pool) -> Any:
    row = await pool.fetchrow("SELECT * FROM turns.sessions")
    assert row is not None
    return row


async def test_identity_session_message_and_event_come_into_being_together(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    first = await store.submit(submission("one"), AT_ONCE)
    second = await store.submit(submission("two"), AT_ONCE)
    assert (first.session_id, first.sequence, first.event_offset) == (second.session_id, 1, 1)
    assert (second.sequence, second.event_offset) == (2, 2)
    assert await pool.fetchval("SELECT count(*) FROM turns.channel_identities") == 1
    assert await pool.fetchval("SELECT count(*) FROM turns.events") == 2


async def test_one_customer_on_two_agents_has_two_sessions_and_one_identity(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    desk = submission("one")
    other = Submission("acme", Address("shop", "web", desk.address.channel_user_id), Content("two"), "")
    ids = {(await store.submit(one, AT_ONCE)).session_id for one in (desk, other)}
    assert len(ids) == 2
    assert await pool.fetchval("SELECT count(DISTINCT customer_id) FROM turns.sessions") == 1


async def test_a_repeat_gets_the_stored_message_and_stores_nothing(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    first = await store.submit(submission("one", "r1"), AT_ONCE)
    again = await store.submit(submission("one", "r1"), AT_ONCE)
    assert (again.message_id, again.duplicate, again.received_at) == (
        first.message_id,
        True,
        first.received_at,
    )
    assert (await session(pool))["message_sequence"] == 1


async def test_a_request_id_with_other_content_is_refused_and_nothing_is_stored(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    await store.submit(submission("one", "r1"), AT_ONCE)
    for other in (submission("two", "r1"), submission("one", "r1", user="+4931")):
        with pytest.raises(errors.RequestIdReused):
            await store.submit(other, AT_ONCE)
    assert await pool.fetchval("SELECT count(*) FROM turns.messages") == 1
    assert await pool.fetchval("SELECT count(*) FROM turns.sessions") == 1


async def test_the_same_request_id_of_two_tenants_is_two_messages(store: PostgresMessageStore) -> None:
    mine = submission("one", "r1")
    theirs = Submission("umbrella", mine.address, mine.content, "r1")
    assert not (await store.submit(mine, AT_ONCE)).duplicate
    assert not (await store.submit(theirs, AT_ONCE)).duplicate


async def test_first_messages_at_the_same_moment_share_a_session(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    accepted = await asyncio.gather(*(store.submit(submission(str(n)), AT_ONCE) for n in range(20)))
    assert len({one.session_id for one in accepted}) == 1
    assert sorted(one.sequence for one in accepted) == list(range(1, 21))
    assert sorted(one.event_offset for one in accepted) == list(range(1, 21))
    assert await pool.fetchval("SELECT count(*) FROM turns.channel_identities") == 1


async def test_the_same_message_sent_many_times_at_once_is_stored_once(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    accepted = await asyncio.gather(*(store.submit(submission("one", "r1"), AT_ONCE) for _ in range(20)))
    assert len({one.message_id for one in accepted}) == 1
    assert [one.duplicate for one in accepted].count(False) == 1
    assert (await session(pool))["event_offset"] == 1


async def test_each_message_extends_the_window_up_to_its_longest_wait(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    await store.submit(submission("one"), Window(600, AggregationReason.TIMEOUT))
    opened: datetime = (await session(pool))["window_opened_at"]
    await pool.execute("UPDATE turns.sessions SET window_opened_at = window_opened_at - interval '500 ms'")
    await store.submit(submission("two"), Window(600, AggregationReason.TIMEOUT))
    row = await session(pool)
    assert row["due_at"] == opened + timedelta(milliseconds=500)
    assert row["due_reason"] == "MAX_WAIT"


async def test_the_longest_wait_bounds_the_first_pause_too(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    await store.submit(submission("one"), AT_ONCE)
    await pool.execute("UPDATE turns.sessions SET window_opened_at = NULL")
    await store.submit(submission("two"), Window(60_000, AggregationReason.TIMEOUT))
    row = await session(pool)
    assert row["due_at"] <= row["updated_at"] + timedelta(seconds=1)


async def test_typing_extends_an_open_window_within_its_longest_wait(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    accepted = await store.submit(submission("one"), Window(200, AggregationReason.TIMEOUT))
    before = (await session(pool))["due_at"]
    await store.extend_window("acme", accepted.session_id, 500)
    after = await session(pool)
    assert after["due_at"] > before
    assert after["due_reason"] == "TIMEOUT"
    await store.extend_window("acme", accepted.session_id, 60_000)
    last = await session(pool)
    assert last["due_at"] == last["window_opened_at"] + timedelta(seconds=1)
    assert last["due_reason"] == "MAX_WAIT"


async def test_a_window_falls_back_to_what_the_message_had_set_when_the_typing_stops(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    accepted = await store.submit(submission("one"), Window(700, AggregationReason.ADAPTIVE))
    before = await session(pool)
    await store.extend_window("acme", accepted.session_id, 800)
    await store.extend_window("acme", accepted.session_id, 60_000)
    assert (await session(pool))["due_reason"] == "MAX_WAIT"
    assert await store.end_typing("acme", accepted.session_id, 0)
    after = await session(pool)
    assert (after["due_at"], after["due_reason"]) == (before["due_at"], "ADAPTIVE")
    assert not await store.end_typing("acme", accepted.session_id, 0)


async def test_a_message_on_its_way_may_still_join_when_the_typing_stops(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    accepted = await store.submit(submission("one"), Window(50, AggregationReason.ADAPTIVE))
    await store.extend_window("acme", accepted.session_id, 900)
    extended = (await session(pool))["due_at"]
    await store.end_typing("acme", accepted.session_id, 400)
    row = await session(pool)
    assert row["due_before_typing"] is None
    assert row["updated_at"] + timedelta(milliseconds=400) <= row["due_at"] < extended


async def test_a_message_ends_the_typing_and_sets_its_own_window(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    accepted = await store.submit(submission("one"), Window(200, AggregationReason.TIMEOUT))
    await store.extend_window("acme", accepted.session_id, 900)
    await store.submit(submission("two"), Window(200, AggregationReason.TIMEOUT))
    assert not await store.end_typing("acme", accepted.session_id, 0)
    assert not await store.end_typing("umbrella", accepted.session_id, 0)


@pytest.mark.parametrize(
    "closed", ["window_opened_at = NULL", "due_at = clock_timestamp() - interval '1 ms'"]
)
async def test_typing_opens_no_window_and_reopens_none(
    store: PostgresMessageStore, pool: asyncpg.Pool, closed: str
) -> None:
    accepted = await store.submit(submission("one"), Window(900, AggregationReason.TIMEOUT))
    await pool.execute(f"UPDATE turns.sessions SET {closed}")
    before = (await session(pool))["due_at"]
    await store.extend_window("acme", accepted.session_id, 500)
    assert (await session(pool))["due_at"] == before


async def test_typing_of_another_tenant_changes_nothing(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    accepted = await store.submit(submission("one"), Window(200, AggregationReason.TIMEOUT))
    before = (await session(pool))["due_at"]
    await store.extend_window("umbrella", accepted.session_id, 500)
    assert (await session(pool))["due_at"] == before


async def test_any_text_a_customer_may_write_is_kept_as_it_is(
    store: PostgresMessageStore, pool: asyncpg.Pool
) -> None:
    text = '\'; DROP TABLE turns.messages; -- \U0001f469\u200d\U0001f467 \u202eabc\u202c \\u0041 {"a": 1}\n\t'
    await store.submit(submission(text), AT_ONCE)
    assert await pool.fetchval("SELECT text FROM turns.messages") == text
    assert await pool.fetchval("SELECT body->'message'->>'text' FROM turns.events") == text
