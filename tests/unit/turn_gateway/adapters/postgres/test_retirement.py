"""Retention on real tables: nothing young goes, nothing leaves a hole, and each step has its index."""

import asyncpg
import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres.event_log import PostgresEventLog
from focal_turn_gateway.adapters.postgres.retirement import PostgresRetirement
from focal_turn_gateway.adapters.postgres.session_reader import PostgresSessionReader
from focal_turn_gateway.core.retain import DAY_S
from focal_turn_gateway.domain.event_log import EventChoice, Position
from focal_turn_gateway.domain.events import AgentReported, Event
from focal_turn_gateway.domain.turns import Artifact
from tests.unit.turn_gateway.adapters.postgres.test_turn_store import Place

pytestmark = pytest.mark.migrated("focal_turn_gateway")

WEEK_S = 7 * DAY_S


@pytest.fixture
async def place(pool: asyncpg.Pool) -> Place:
    """A session with two committed turns, events 1 to 8."""
    made = Place(pool)
    for text in ("one", "two"):
        await made.say(text)
        await made.commit(await made.open())
    return made


@pytest.fixture
def old(pool: asyncpg.Pool) -> PostgresRetirement:
    return PostgresRetirement(pool)


async def aged(place: Place, days: int, upto: int, since: int = 0) -> None:
    await place.pool.execute(
        """UPDATE turns.events SET occurred_at = now() - $1 * interval '1 day'
           WHERE "offset" > $2 AND "offset" <= $3""",
        days,
        since,
        upto,
    )


async def offsets(place: Place) -> list[int]:
    return [event.offset for event in await PostgresSessionReader(place.pool).events(place.session_id, 0, 99)]


async def test_only_events_past_their_days_go_and_always_the_oldest(
    place: Place, old: PostgresRetirement
) -> None:
    await aged(place, 8, upto=5)
    reader = PostgresSessionReader(place.pool)
    assert await reader.first_offset(place.session_id) == 1
    assert await old.remove_events("umbrella", WEEK_S, 100) == 0
    assert await old.remove_events("acme", WEEK_S, 3) == 3
    assert await offsets(place) == [4, 5, 6, 7, 8]
    assert await old.remove_events("acme", WEEK_S, 3) == 2
    assert await old.remove_events("acme", WEEK_S, 3) == 0
    assert await offsets(place) == [6, 7, 8]
    assert await reader.first_offset(place.session_id) == 6


async def test_an_old_event_behind_a_young_one_waits_so_that_there_is_no_hole(
    place: Place, old: PostgresRetirement
) -> None:
    await aged(place, 8, upto=8)
    await aged(place, 0, upto=3, since=2)
    assert await old.remove_events("acme", WEEK_S, 100) == 2
    assert await offsets(place) == [3, 4, 5, 6, 7, 8]


async def test_new_events_go_on_behind_a_log_that_was_removed_whole(
    place: Place, old: PostgresRetirement
) -> None:
    await aged(place, 8, upto=8)
    assert await old.remove_events("acme", WEEK_S, 100) == 8
    assert await PostgresSessionReader(place.pool).first_offset(place.session_id) == 9
    await place.say("three")
    assert await offsets(place) == [9]


async def test_a_reader_of_the_tenants_log_learns_that_events_behind_its_place_are_gone(
    place: Place, old: PostgresRetirement
) -> None:
    log = PostgresEventLog(place.pool)
    page = await log.read("acme", Position(0, 0), EventChoice(), 100)
    await aged(place, 8, upto=5)
    await old.remove_events("acme", WEEK_S, 100)
    await log.check("acme", page.events[4].position)
    with pytest.raises(errors.EventsRemoved):
        await log.check("acme", page.events[3].position)
    rest = await log.read("acme", Position(0, 0), EventChoice(), 100)
    assert rest.events == page.events[5:]


async def test_rule_and_custom_events_lose_their_payload_early_and_keep_their_place(
    pool: asyncpg.Pool, old: PostgresRetirement
) -> None:
    place = Place(pool)
    await place.say()
    attempt = await place.open()
    said = [AgentReported(name, "said", '{"n":1}', "INFO", "1.0") for name in ("rule", "custom", "tool")]
    await place.turns.record_events(attempt, [Event(body, attempt.turn_id, 1) for body in said])
    assert await old.empty_events(WEEK_S, 100) == 0
    await aged(place, 8, upto=99)
    assert await old.empty_events(WEEK_S, 1) == 1
    assert await old.empty_events(WEEK_S, 100) == 1
    assert await old.empty_events(WEEK_S, 100) == 0
    log = await PostgresSessionReader(pool).events(place.session_id, 3, 99)
    payloads = [event.body.payload_json for event in log if isinstance(event.body, AgentReported)]
    assert payloads == ["", "", '{"n":1}']
    assert [event.offset for event in log] == [4, 5, 6]


async def test_delivered_rows_and_artifacts_of_closed_turns_go_and_what_is_needed_stays(
    place: Place, old: PostgresRetirement
) -> None:
    await place.say("three")
    running = await place.open()
    await place.turns.store_artifact(running, Artifact("plan", "{}"))
    await place.pool.execute("UPDATE turns.artifacts SET created_at = now() - interval '8 days'")
    assert await old.remove_artifacts(WEEK_S, 10) == 0
    await place.commit(running)
    assert await old.remove_artifacts(WEEK_S, 10) == 1
    states = ["DELIVERED", "PENDING", "FAILED"]
    for number, state in enumerate(states):
        await place.pool.execute(
            """UPDATE turns.outbox SET state = $1, delivered_at = now() - interval '8 days' WHERE outbox_id =
               (SELECT outbox_id FROM turns.outbox ORDER BY outbox_id OFFSET $2 LIMIT 1)""",
            state,
            number,
        )
    await place.pool.execute(
        """INSERT INTO turns.receipts
             (tenant_id, dedupe_key, session_id, turn_id, segment, part, channel, state)
           SELECT tenant_id, dedupe_key, session_id, state, 0, 0, 'web', 'SENT' FROM turns.outbox"""
    )
    assert await old.remove_deliveries(WEEK_S, 10) == 1
    kept = await place.pool.fetch("SELECT turn_id FROM turns.receipts ORDER BY turn_id DESC")
    assert [row["turn_id"] for row in kept] == states[1:]
    rows = await place.pool.fetch("SELECT state FROM turns.outbox ORDER BY outbox_id")
    assert [row["state"] for row in rows] == states[1:]


async def test_one_replica_at_a_time_removes(place: Place, old: PostgresRetirement, database: str) -> None:
    await aged(place, 8, upto=8)
    other = await asyncpg.connect(database)
    async with other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(7402, 1)")
        assert await old.remove_events("acme", WEEK_S, 100) == 0
    await other.close()
    assert await old.remove_events("acme", WEEK_S, 100) == 8


async def test_tenants_are_found_one_by_one(place: Place, old: PostgresRetirement) -> None:
    assert await old.tenants() == ["acme"]
    await place.pool.execute(
        "INSERT INTO turns.sessions (session_id, tenant_id, agent_id, customer_id, channel)"
        " VALUES ('s2', 'umbrella', 'desk', 'c', 'web')"
    )
    await place.pool.execute(
        'SELECT turns.append_events(\'s2\', \'[{"kind": "x", "turn_id": "", "attempt": 0, "body": {}}]\')'
    )
    assert await old.tenants() == ["acme", "umbrella"]


@pytest.mark.parametrize(
    ("index", "query"),
    [
        (
            "events_of_tenant",
            "SELECT session_id FROM turns.events WHERE tenant_id = 'acme' ORDER BY xact, position LIMIT 500",
        ),
        (
            "events_to_empty",
            (
                "SELECT session_id FROM turns.events WHERE occurred_at < now() - interval '30 days'"
                " AND kind = 'agent' AND body->>'category' IN ('rule', 'custom')"
                " AND body->>'payload_json' <> '' ORDER BY occurred_at LIMIT 500"
            ),
        ),
        (
            "outbox_delivered",
            (
                "SELECT outbox_id FROM turns.outbox WHERE state = 'DELIVERED'"
                " AND delivered_at < now() - interval '7 days' ORDER BY delivered_at LIMIT 500"
            ),
        ),
    ],
)
async def test_what_is_old_is_found_by_an_index(place: Place, index: str, query: str) -> None:
    await place.pool.execute(
        """
        INSERT INTO turns.events (
          session_id, "offset", tenant_id, turn_id, attempt, kind, name, body, occurred_at, xact)
        SELECT $1, 100 + n, 'acme', '', 0, 'agent', 'rule.x',
               '{"category": "rule", "type": "x", "payload_json": "{}"}', now() - n * interval '1 minute', n
        FROM generate_series(1, 20000) n
        """,
        place.session_id,
    )
    await place.pool.execute(
        """
        INSERT INTO turns.outbox (
          tenant_id, session_id, destination, dedupe_key, payload, state, delivered_at)
        SELECT 'acme', $1, 'memory', n::text, '{}', 'DELIVERED', now() - n * interval '1 minute'
        FROM generate_series(1, 20000) n
        """,
        place.session_id,
    )
    await place.pool.execute("ANALYZE turns.events, turns.outbox")
    plan = "\n".join(row[0] for row in await place.pool.fetch(f"EXPLAIN {query}"))
    assert f"Index Scan using {index}" in plan, plan
