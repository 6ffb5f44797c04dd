"""Lists of sessions: what they hold, in which order, and that a large tenant's are found by an index."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from focal_turn_gateway.adapters.postgres import session_list
from focal_turn_gateway.adapters.postgres.session_reader import PostgresSessionReader
from focal_turn_gateway.domain.sessions import Behind, Listing, Session, SessionFilter, SessionOrder

pytestmark = pytest.mark.migrated("focal_turn_gateway")

START = datetime(2026, 1, 1, tzinfo=UTC)
UPDATED = SessionOrder.UPDATED


async def filled(pool: asyncpg.Pool, count: int, every_s: float) -> None:
    """Sessions of `acme`, one updated every so many seconds; the older its id, the later it was updated."""
    for first in range(1, count + 1, 10_000):
        await pool.execute(
            """
            INSERT INTO turns.sessions (
              session_id, tenant_id, agent_id, customer_id, channel, updated_at, ended_at)
            SELECT 'ses_' || lpad(n::text, 6, '0'), 'acme', 'agent_' || n % 10, 'cus_' || n / 5, 'web',
                   $3::timestamptz + make_interval(secs => ($1 - n) * $2), CASE WHEN n % 2 = 0 THEN now() END
            FROM generate_series($4::integer, $5::integer) n
            """,
            count,
            every_s,
            START,
            first,
            min(first + 9_999, count),
        )


async def paged(pool: asyncpg.Pool, listing: Listing, size: int) -> list[Session]:
    reader, found = PostgresSessionReader(pool), list[Session]()
    while page := await reader.sessions("acme", listing, _end(found), size):
        assert len(page) <= size
        found += page
    return found


def _end(found: Sequence[Session]) -> Behind | None:
    return Behind(found[-1].session_id, found[-1].updated_at) if found else None


@pytest.mark.parametrize("order", SessionOrder)
async def test_pages_hold_every_session_once_in_order(pool: asyncpg.Pool, order: SessionOrder) -> None:
    await filled(pool, 23, 17)
    await pool.execute("UPDATE turns.sessions SET updated_at = $1 WHERE session_id < 'ses_000004'", START)
    found = await paged(pool, Listing(order=order), 4)
    assert len(found) == 23
    keys = [(s.updated_at if order is UPDATED else START, s.session_id) for s in found]
    assert keys == sorted(set(keys))[::-1]


async def test_a_session_that_is_updated_between_pages_does_not_come_twice(pool: asyncpg.Pool) -> None:
    await filled(pool, 6, 60)
    reader = PostgresSessionReader(pool)
    first = await reader.sessions("acme", Listing(order=UPDATED), None, 3)
    await pool.execute(
        "UPDATE turns.sessions SET updated_at = now() WHERE session_id = $1", first[0].session_id
    )
    rest = await reader.sessions("acme", Listing(order=UPDATED), _end(first), 3)
    assert [s.session_id for s in [*first, *rest]] == [f"ses_{number:06}" for number in range(1, 7)]


CHOSEN: list[tuple[dict[str, Any], list[int]]] = [
    ({"agent_id": "agent_3"}, [13, 3]),
    ({"customer_id": "cus_1"}, [9, 8, 7, 6, 5]),
    ({"agent_id": "agent_8", "ended": True}, [18, 8]),
    ({"customer_id": "cus_1", "ended": False}, [9, 7, 5]),
    ({"channel": "sms"}, []),
    ({"updated_before": START + timedelta(seconds=100)}, [20]),
    ({"updated_after": START + timedelta(seconds=1800)}, [2, 1]),
    (
        {"updated_after": START + timedelta(seconds=100), "updated_before": START + timedelta(seconds=300)},
        [19, 18],
    ),
]


@pytest.mark.parametrize(("wanted", "numbers"), CHOSEN)
async def test_what_is_listed_matches_every_filter(
    pool: asyncpg.Pool, wanted: dict[str, Any], numbers: list[int]
) -> None:
    await filled(pool, 20, 100)
    for order in SessionOrder:
        found = await paged(pool, Listing(SessionFilter(**wanted), order), 2)
        assert sorted(int(session.session_id[4:]) for session in found) == sorted(numbers)


async def test_a_page_of_a_large_tenant_is_read_from_an_index(pool: asyncpg.Pool) -> None:
    await filled(pool, 100_000, 3)
    await pool.execute("ANALYZE turns.sessions")
    middle = Behind("ses_050000", START + timedelta(seconds=150_000))
    day = SessionFilter(updated_before=START + timedelta(days=1))
    for listing, behind, index in (
        (Listing(order=UPDATED), None, "sessions_by_update"),
        (Listing(order=UPDATED), middle, "sessions_by_update"),
        (Listing(SessionFilter(agent_id="agent_3", ended=False), UPDATED), middle, "sessions_by_update"),
        (Listing(day, UPDATED), None, "sessions_by_update"),
        (Listing(SessionFilter(customer_id="cus_77"), UPDATED), None, "sessions_of_customer"),
        (Listing(), middle, "sessions_"),
    ):
        query, given = session_list.page("acme", listing, behind, 21)
        explained = await pool.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", *given)
        [plan] = json.loads(explained)
        assert index in explained, (listing, explained)
        assert "Seq Scan" not in explained
        blocks = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        assert blocks < 600, (listing, blocks, explained)


async def test_steps_within_a_minute_leave_the_indexes_alone(pool: asyncpg.Pool) -> None:
    """The row is updated with every message and every turn."""
    await filled(pool, 1, 0)
    statement = "UPDATE turns.sessions SET updated_at = $1, event_offset = event_offset + 1"
    statistics = """
    SELECT ARRAY[n_tup_upd, n_tup_hot_upd] FROM pg_stat_xact_user_tables
    WHERE relid = 'turns.sessions'::regclass
    """
    async with pool.acquire() as connection, connection.transaction():
        for second in range(20, 60, 10):
            await connection.execute(statement, START + timedelta(seconds=second))
        assert await connection.fetchval(statistics) == [4, 4]
        await connection.execute(statement, START + timedelta(seconds=61))
        assert await connection.fetchval(statistics) == [5, 4]
