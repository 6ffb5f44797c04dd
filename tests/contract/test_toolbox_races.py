"""Reservations and fences that meet inside open transactions, on PostgreSQL alone."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from focal_toolbox.adapters.instance import Heartbeat, Rhythm
from focal_toolbox.adapters.postgres_ledger import PostgresLedger
from focal_toolbox.core import fencing
from focal_toolbox.domain.effect import Outcome, Wish
from tests.fakes.toolbox.wishes import to_refund

pytestmark = pytest.mark.migrated("focal_toolbox")

_RESERVE = """
    SELECT outcome FROM effects.reserve(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '9 s')
"""


async def _reserve_uncommitted(connection: asyncpg.Connection, wish: Wish, instance_id: str) -> None:
    """Reserve in an open transaction of `connection`, as somebody who is a moment ahead."""
    await connection.execute("BEGIN")
    outcome = await connection.fetchval(_RESERVE, *dataclasses.astuple(wish)[:14], instance_id)
    assert outcome == Outcome.RESERVED


async def _waits_or_ends(task: asyncio.Task[Any], database: str) -> None:
    """Until the task waits for a lock in the database, or has ended."""
    async with asyncio.timeout(5):
        observer = await asyncpg.connect(database)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not task.done() and not await observer.fetchval(waiting):
            await asyncio.sleep(0.005)
        await observer.close()


@dataclass
class Ahead:
    """A ledger, and a connection of somebody who is a moment ahead of it."""

    ledger: PostgresLedger
    connection: asyncpg.Connection
    instance_id: str


@pytest.fixture
async def ahead(database: str) -> AsyncIterator[Ahead]:
    beat = Heartbeat(database, Rhythm(0.1, 1.0), {})
    connection = await asyncpg.connect(database)
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as pool:
        await beat.start(10)
        yield Ahead(PostgresLedger(pool, beat.instance_id, 9), connection, beat.instance_id)
        await beat.stop()
    await connection.close()


async def test_two_sessions_that_do_not_see_each_other_yet_reserve_an_order_once(
    database: str, ahead: Ahead
) -> None:
    """Break: make effects_one_open_per_business_key a plain index."""
    first, second = to_refund(), to_refund(effect_key="key_2", session_id="ses_2")
    await _reserve_uncommitted(ahead.connection, first, ahead.instance_id)
    racing = asyncio.create_task(ahead.ledger.reserve(second))
    await _waits_or_ends(racing, database)
    await ahead.connection.execute("COMMIT")
    assert (await racing).outcome is Outcome.BLOCKED_RUNNING


async def test_equal_wishes_that_do_not_see_each_other_yet_are_one_effect(
    database: str, ahead: Ahead
) -> None:
    """The session's fence row keeps them apart; in two sessions the effect key would."""
    first, second = to_refund(), to_refund(session_id="ses_2")
    await _reserve_uncommitted(ahead.connection, first, ahead.instance_id)
    racing = asyncio.create_task(ahead.ledger.reserve(second))
    await _waits_or_ends(racing, database)
    await ahead.connection.execute("COMMIT")
    reservation = await racing
    assert reservation.outcome is Outcome.RUNNING
    assert reservation.effect is not None
    assert reservation.effect.effect_id == first.effect_id


async def test_calls_of_a_turn_that_do_not_see_each_other_yet_are_counted(
    database: str, ahead: Ahead
) -> None:
    """The session's fence row keeps them apart. Break: let `raise_fence` leave the row alone when it is high
    enough."""
    await ahead.ledger.fence("acme", "ses_1", 1)
    first = to_refund()
    second = to_refund(effect_key="key_2", business_key="order_2", max_calls=1)
    await _reserve_uncommitted(ahead.connection, first, ahead.instance_id)
    racing = asyncio.create_task(ahead.ledger.reserve(second))
    await _waits_or_ends(racing, database)
    await ahead.connection.execute("COMMIT")
    assert (await racing).outcome is Outcome.TOO_MANY_CALLS


async def test_a_fence_waits_for_a_reservation_and_then_lists_it(database: str, ahead: Ahead) -> None:
    """Break: let `raise_fence` leave the row alone when it is high enough, or read it first."""
    await ahead.ledger.fence("acme", "ses_1", 1)
    await _reserve_uncommitted(ahead.connection, to_refund(), ahead.instance_id)
    racing = asyncio.create_task(fencing.raise_fence(ahead.ledger, "acme", "ses_1", 2, "grp_1"))
    await _waits_or_ends(racing, database)
    await ahead.connection.execute("COMMIT")
    fence = await racing
    assert [effect.effect_key for effect in fence.effects] == ["key_1"]


async def test_a_reservation_waits_for_a_fence_and_is_then_refused(database: str, ahead: Ahead) -> None:
    await ahead.ledger.fence("acme", "ses_1", 1)
    await ahead.connection.execute("BEGIN")
    await ahead.connection.fetchval("SELECT effects.raise_fence('acme', 'ses_1', 2)")
    racing = asyncio.create_task(ahead.ledger.reserve(to_refund()))
    await _waits_or_ends(racing, database)
    await ahead.connection.execute("COMMIT")
    assert (await racing).outcome is Outcome.FENCED
