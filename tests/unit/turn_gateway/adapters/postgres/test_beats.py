"""What is said in one breath is answered once, and what a turn does keeps its keys: docs/idempotency.md."""

import asyncio

import asyncpg
import pytest

from focal_toolbox.domain import keys, order
from focal_turn_gateway import errors
from focal_turn_gateway.domain.turns import Attempt, SupersedeAction
from tests.unit.turn_gateway.adapters.postgres.test_turn_store import Place, decided

pytestmark = pytest.mark.migrated("focal_turn_gateway")


@pytest.fixture
async def place(pool: asyncpg.Pool) -> Place:
    place = Place(pool)
    await place.say("refund order 1")
    await place.say("please")
    return place


def refund_key(attempt: Attempt) -> str:
    """The key under which the toolbox would book a refund of this attempt."""
    by = order.Attempt(
        attempt.tenant_id,
        "desk",
        7,
        attempt.session_id,
        attempt.turn_id,
        attempt.turn_group_id,
        attempt.epoch,
    )
    return keys.effect_key(order.Order(by, "refund", "{}"), '["1"]')


async def test_a_beat_is_answered_once_by_whoever_and_however_often_it_is_tried(place: Place) -> None:
    beat = list(place.ids)
    stale, latest = await place.open(), await place.open()
    assert [[message.message_id for message in each.messages] for each in (stale, latest)] == [beat, beat]
    tries = await asyncio.gather(
        *(place.commit(each) for each in (stale, latest, latest, stale)), return_exceptions=True
    )
    fresh = [each.fresh for each in tries if not isinstance(each, BaseException)]
    assert sorted(fresh) == [False, True]
    assert [type(each) for each in tries if isinstance(each, BaseException)] == [errors.AttemptLost] * 2
    # No time limit is in this: the same messages are refused to every later turn.
    await place.say("and now?")
    later = await place.open()
    with pytest.raises(errors.AttemptLost):
        await place.commit(later, *beat)
    owed = await place.pool.fetch("SELECT dedupe_key FROM turns.outbox")
    assert [row["dedupe_key"] for row in owed] == [latest.turn_id]


async def test_tools_of_a_successor_and_of_its_crashed_attempts_repeat_their_keys(place: Place) -> None:
    first = await place.open()
    new = await place.say("of yesterday")
    await place.turns.record_decision(first, decided(SupersedeAction.SUPERSEDE, new), "trn_next", [])
    successor, again = await place.open(), await place.open()
    assert (again.turn_id, again.attempt) == (successor.turn_id, 2)
    assert {refund_key(each) for each in (first, successor, again)} == {refund_key(first)}


async def test_tools_of_the_turn_behind_have_keys_of_their_own(place: Place) -> None:
    first = await place.open()
    new = await place.say("refund it again")
    await place.turns.record_decision(first, decided(SupersedeAction.QUEUE, new), "", [])
    await place.commit(first)
    assert refund_key(await place.open()) != refund_key(first)
