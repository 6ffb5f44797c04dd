import asyncio
from typing import Any

import asyncpg
import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres.message_store import PostgresMessageStore, QueueLimits
from focal_turn_gateway.adapters.postgres.turn_store import PostgresTurnStore
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.events import Event, TurnCompleted
from focal_turn_gateway.domain.messages import Accepted
from focal_turn_gateway.domain.turns import Attempt, Decision, SupersedeAction, TurnStatus, closed
from focal_turn_gateway.ports.engine import Hold
from tests.fakes.turn_gateway import result, submission

pytestmark = pytest.mark.migrated("focal_turn_gateway")

TURN, QUEUE = 4, 3


class Place:
    """One session whose turns answer `TURN` messages and whose queue holds `QUEUE`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.messages = PostgresMessageStore(pool, 10_000, QueueLimits(TURN, QUEUE, retry_s=7))
        self.turns = PostgresTurnStore(pool, max_messages=TURN, history=2)
        self.session_id = ""

    async def say(self, text: str = "hello", request_id: str = "") -> Accepted:
        window = Window(0, AggregationReason.OFF)
        accepted = await self.messages.submit(submission(text, request_id), window)
        self.session_id = accepted.session_id
        return accepted

    async def fill(self, most: int = 50) -> int:
        """How many messages are taken until one is refused."""
        for taken in range(most):
            try:
                await self.say(f"number {taken}")
            except errors.QueueFull:
                return taken
        raise AssertionError(f"{most} messages and none refused")

    async def open(self) -> Attempt:
        opened = await self.turns.open_turn(Hold(self.session_id, asyncio.Event()))
        assert isinstance(opened, Attempt)
        return opened

    async def commit(self, attempt: Attempt) -> None:
        found = result(*(message.message_id for message in attempt.messages))
        turn = closed(attempt, found, TurnStatus.COMPLETE)
        await self.turns.commit(attempt, turn, "{}", [Event(TurnCompleted(turn), turn.turn_id, 1)], [])

    async def rows(self) -> dict[str, Any]:
        names = ("sessions", "messages", "events", "channel_identities")
        return {name: await self.pool.fetch(f"SELECT * FROM turns.{name}") for name in names}


@pytest.fixture
def place(pool: asyncpg.Pool) -> Place:
    return Place(pool)


async def test_while_no_attempt_runs_a_turn_fills_before_the_queue(place: Place) -> None:
    assert await place.fill() == TURN + QUEUE


async def test_behind_an_attempt_only_the_queue_waits_however_small_the_attempt_is(place: Place) -> None:
    await place.say()
    await place.open()
    assert await place.fill() == QUEUE


async def test_the_limit_goes_with_the_attempt_that_runs(place: Place) -> None:
    await place.say()
    first = await place.open()
    await place.fill()
    await place.commit(first)
    # Nothing runs: those that waited are now in the window of the next turn.
    assert await place.fill() == TURN
    await place.open()
    assert await place.fill() == 0


async def test_a_turn_that_is_superseded_gives_its_messages_back_to_the_window(place: Place) -> None:
    await place.say()
    attempt = await place.open()
    later = await place.say()
    decision = Decision(SupersedeAction.SUPERSEDE, "", "PRE_COMMIT", "changed", (later.message_id,))
    await place.turns.record_decision(attempt, decision, "trn_next", [])
    assert await place.fill() == TURN + QUEUE - 2


async def test_nothing_is_stored_of_what_is_refused(place: Place) -> None:
    await place.fill()
    before = await place.rows()
    with pytest.raises(errors.QueueFull) as caught:
        await place.say("one more", "r1")
    assert (caught.value.reason, caught.value.retry_after_s) == ("QUEUE_FULL", 7)
    assert await place.rows() == before


async def test_a_stored_request_is_answered_although_the_queue_is_full(place: Place) -> None:
    first = await place.say("hello", "r1")
    await place.fill()
    again = await place.say("hello", "r1")
    assert (again.message_id, again.duplicate) == (first.message_id, True)


async def test_the_last_place_is_given_once_however_many_want_it(place: Place) -> None:
    await place.say()
    await place.open()
    answers = await asyncio.gather(
        *(place.say(f"number {number}") for number in range(10 * QUEUE)), return_exceptions=True
    )
    taken = [answer for answer in answers if isinstance(answer, Accepted)]
    assert sorted(accepted.sequence for accepted in taken) == list(range(2, QUEUE + 2))
    assert {type(answer) for answer in answers if answer not in taken} == {errors.QueueFull}


async def test_two_tries_for_the_last_place_are_one_message_and_no_refusal(place: Place) -> None:
    """The second, on another gateway, passes the look-up of its request id, then waits for the lock that the
    first one holds.
    """
    elsewhere = Place(place.pool)
    await place.say()
    await place.open()
    for number in range(QUEUE - 1):
        await place.say(f"number {number}")
    async with place.pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("SELECT 1 FROM turns.sessions FOR UPDATE")
        tries = [asyncio.ensure_future(at.say("last", "r1")) for at in (place, elsewhere)]
        while await blocker.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < 2:
            await asyncio.sleep(0.01)
    first, second = await asyncio.gather(*tries)
    assert first.message_id == second.message_id
    assert sorted([first.duplicate, second.duplicate]) == [False, True]
