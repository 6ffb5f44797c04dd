"""A tenant's log on real tables: whatever commits when, nothing appears behind a reader."""

import asyncio
import random

import asyncpg
import pytest

from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import event_log
from focal_turn_gateway.adapters.postgres.event_log import PostgresEventLog
from focal_turn_gateway.domain.event_log import EventChoice, LoggedEvent, Position
from tests.fakes.until import until
from tests.unit.turn_gateway.adapters.postgres.test_turn_store import Place

pytestmark = pytest.mark.migrated("focal_turn_gateway")

BEGINNING = Position(0, 0)
_SESSION = """
INSERT INTO turns.sessions (session_id, tenant_id, agent_id, customer_id, channel)
VALUES ($1, $2, $3, $1, 'web')
"""
_APPEND = """
SELECT turns.append_events($1, jsonb_build_array(jsonb_build_object(
  'kind', 'agent', 'turn_id', '', 'attempt', 0, 'body', jsonb_build_object(
    'category', 'tool', 'type', $2::text, 'payload_json', '{}', 'severity', 'INFO',
    'schema_version', '1.0'))))
"""


class Log:
    """A reader that keeps its place, beside writers on connections of their own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.log = PostgresEventLog(pool)
        self.place = BEGINNING
        self.seen: list[LoggedEvent] = []

    async def session(self, session_id: str, tenant_id: str = "acme", agent_id: str = "desk") -> None:
        await self.pool.execute(_SESSION, session_id, tenant_id, agent_id)

    async def read(self, choice: EventChoice | None = None, limit: int = 7) -> list[LoggedEvent]:
        """What is new, kept in `seen`."""
        page = await self.log.read("acme", self.place, choice or EventChoice(), limit)
        self.place = page.reached
        self.seen += page.events
        return list(page.events)

    @property
    def names(self) -> list[str]:
        return [f"{logged.event.session_id} {logged.event.offset}" for logged in self.seen]


@pytest.fixture
async def log(pool: asyncpg.Pool) -> Log:
    made = Log(pool)
    for session_id in ("s1", "s2"):
        await made.session(session_id)
    return made


async def test_an_event_behind_an_open_transaction_waits_for_it(log: Log, database: str) -> None:
    """The transaction that is open has the lower number and commits later: going on would pass it by."""
    slow = await asyncpg.connect(database)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(_APPEND, "s1", "slow")
    await log.pool.execute(_APPEND, "s2", "quick")
    assert await log.read() == []
    await transaction.commit()
    await log.read()
    assert log.names == ["s1 1", "s2 1"]
    await slow.close()


async def test_events_of_a_session_come_in_the_order_of_their_offsets_whoever_began_first(
    log: Log, database: str
) -> None:
    """A transaction may have its id long before it has the session's lock."""
    early = await asyncpg.connect(database)
    transaction = early.transaction()
    await transaction.start()
    await early.execute("SELECT pg_current_xact_id()")
    await log.pool.execute(_APPEND, "s1", "later_id_first_offset")
    await early.execute(_APPEND, "s1", "earlier_id_second_offset")
    await transaction.commit()
    await log.read()
    assert log.names == ["s1 1", "s1 2"]
    await early.close()


async def test_nothing_is_passed_by_while_many_write_at_once(log: Log, database: str) -> None:
    chance = random.Random(7)
    sessions = [f"w{number}" for number in range(4)]
    for session_id in sessions:
        await log.session(session_id)

    async def write(number: int) -> None:
        connection = await asyncpg.connect(database)
        for _ in range(30):
            async with connection.transaction():
                if chance.random() < 0.5:
                    await connection.execute("SELECT pg_current_xact_id()")
                await asyncio.sleep(chance.random() * 0.01)
                await connection.execute(_APPEND, chance.choice(sessions), f"n{number}")
                await asyncio.sleep(chance.random() * 0.01)
        await connection.close()

    async def read() -> None:
        while True:
            await log.read()
            await asyncio.sleep(0.001)

    reading = asyncio.ensure_future(read())
    await asyncio.gather(*(write(number) for number in range(6)))
    await until(lambda: len(log.seen) >= 180, "all events are read", timeout_s=20)
    await tasks.cancel([reading])
    assert len(set(log.names)) == len(log.names) == 180
    for session_id in sessions:
        offsets = [logged.event.offset for logged in log.seen if logged.event.session_id == session_id]
        assert offsets == list(range(1, len(offsets) + 1))


async def test_only_the_tenants_own_chosen_events_are_read_and_the_place_moves_past_all(log: Log) -> None:
    await log.session("shop", agent_id="shop")
    await log.session("other", tenant_id="umbrella")
    for session_id in ("s1", "shop", "other"):
        await log.pool.execute(_APPEND, session_id, "done")
    await log.read(EventChoice(agent_id="shop"))
    assert log.names == ["shop 1"]
    place, log.place = log.place, BEGINNING
    assert await log.read(EventChoice(("rule.*",))) == []
    assert log.place == place != BEGINNING


async def test_the_end_is_behind_all_that_is_stored_and_before_all_that_comes(log: Log) -> None:
    await log.pool.execute(_APPEND, "s1", "past")
    log.place = await log.log.end()
    await log.pool.execute(_APPEND, "s2", "next")
    await log.read()
    assert log.names == ["s2 1"]


async def test_a_place_of_another_database_is_refused(log: Log) -> None:
    await log.log.check("acme", await log.log.end())
    with pytest.raises(errors.InvalidField):
        await log.log.check("acme", Position(10**12, 1))


async def test_a_place_before_what_was_removed_is_refused(log: Log) -> None:
    await log.pool.execute("INSERT INTO turns.event_removals VALUES ('acme', 50, 5)")
    await log.log.check("acme", Position(50, 5))
    await log.log.check("umbrella", Position(1, 1))
    with pytest.raises(errors.EventsRemoved):
        await log.log.check("acme", Position(50, 4))


async def test_a_conversations_events_are_in_the_log(log: Log) -> None:
    place = Place(log.pool)
    await place.say("one")
    await place.commit(await place.open())
    await log.read()
    offsets = [logged.event.offset for logged in log.seen]
    assert offsets == [1, 2, 3, 4]
    assert {(logged.agent_id, logged.channel) for logged in log.seen} == {("desk", "web")}


async def test_reading_follows_the_index_however_long_the_log_is(log: Log) -> None:
    await log.pool.execute(
        """
        INSERT INTO turns.events (
          session_id, "offset", tenant_id, turn_id, attempt, kind, name, body, occurred_at, xact)
        SELECT 's1', n, 'acme', '', 0, 'agent', 'tool.done', '{}', now(), n FROM generate_series(1, 20000) n
        """
    )
    await log.pool.execute("ANALYZE turns.events")
    plan = await log.pool.fetch(
        "EXPLAIN "
        + event_log._READ.replace("$1", "'acme'")
        .replace("$2", "19000")
        .replace("$3", "0")
        .replace("$4", "200")
        .replace("$5", "ARRAY['tool.*']")
        .replace("$6", "''")
    )
    text = "\n".join(row[0] for row in plan)
    assert "events_of_tenant" in text
    assert "Seq Scan on events" not in text
