import asyncio

import asyncpg
import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres.message_store import PostgresMessageStore
from focal_turn_gateway.adapters.postgres.session_reader import PostgresSessionReader
from focal_turn_gateway.adapters.postgres.turn_store import PostgresTurnStore
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.events import Event, TurnCompleted
from focal_turn_gateway.domain.messages import Accepted
from focal_turn_gateway.domain.sessions import Listing
from focal_turn_gateway.domain.turns import Attempt, TurnStatus, closed
from focal_turn_gateway.ports.engine import Hold
from tests.fakes.gateway_turns import QUEUE
from tests.fakes.turn_gateway import result, submission

pytestmark = pytest.mark.migrated("focal_turn_gateway")


class Place:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self.reader = PostgresSessionReader(pool)
        self.messages = PostgresMessageStore(pool, 10_000, QUEUE)
        self.turns = PostgresTurnStore(pool, max_messages=10, history=5)

    async def say(self, text: str = "hello", user: str = "+4930") -> Accepted:
        return await self.messages.submit(submission(text, user=user), Window(0, AggregationReason.OFF))

    async def answer(self, accepted: Accepted) -> str:
        opened = await self.turns.open_turn(Hold(accepted.session_id, asyncio.Event()))
        assert isinstance(opened, Attempt)
        turn = closed(opened, result(accepted.message_id), TurnStatus.COMPLETE)
        await self.turns.commit(opened, turn, "{}", [Event(TurnCompleted(turn), turn.turn_id, 1)], [])
        return turn.turn_id


@pytest.fixture
def place(pool: asyncpg.Pool) -> Place:
    return Place(pool)


async def test_a_session_reads_as_it_stands(place: Place) -> None:
    accepted = await place.say()
    await place.answer(accepted)
    await place.say("more")
    session = await place.reader.session("acme", accepted.session_id)
    assert (session.turn_count, session.open_messages, session.last_offset) == (1, 1, 5)
    assert (session.state, session.config_version, session.ended) == ("{}", 7, False)
    assert await place.reader.session_at("acme", submission().address) == session


async def test_another_tenants_things_do_not_exist(place: Place) -> None:
    accepted = await place.say()
    turn_id = await place.answer(accepted)
    with pytest.raises(errors.SessionNotFound):
        await place.reader.session("umbrella", accepted.session_id)
    with pytest.raises(errors.TurnNotFound):
        await place.reader.turn("umbrella", turn_id)
    assert await place.reader.session_at("umbrella", submission().address) is None
    assert await place.reader.turns("umbrella", accepted.session_id, "", 10) == []
    assert await place.reader.sessions("umbrella", Listing(), None, 10) == []
    assert await place.reader.turn_answering("umbrella", accepted.message_id) is None


async def test_the_turn_that_answered_a_message_is_found_once_it_did(place: Place) -> None:
    accepted = await place.say()
    assert await place.reader.turn_answering("acme", accepted.message_id) is None
    turn_id = await place.answer(accepted)
    turn = await place.reader.turn_answering("acme", accepted.message_id)
    assert turn is not None
    assert (turn.turn_id, turn.reply_text) == (turn_id, "good day")
    assert turn == await place.reader.turn("acme", turn_id)
    assert turn.closed_at is not None


async def test_a_turn_that_runs_reads_as_processing(place: Place) -> None:
    accepted = await place.say()
    await place.turns.open_turn(Hold(accepted.session_id, asyncio.Event()))
    [turn] = await place.reader.turns("acme", accepted.session_id, "", 10)
    assert (turn.status, turn.closed_at, turn.reply) == (TurnStatus.PROCESSING, None, ())


async def test_turns_are_listed_latest_first_in_pages(place: Place) -> None:
    ids = []
    for _ in range(3):
        accepted = await place.say()
        ids.append(await place.answer(accepted))
    first = await place.reader.turns("acme", accepted.session_id, "", 2)
    second = await place.reader.turns("acme", accepted.session_id, first[-1].turn_id, 2)
    assert [turn.turn_id for turn in [*first, *second]] == sorted(ids)[::-1]


async def test_messages_are_listed_latest_first_in_pages_with_their_turns(place: Place) -> None:
    accepted = await place.say("one")
    turn_id = await place.answer(accepted)
    for text in ("two", "three"):
        await place.say(text)
    first = await place.reader.messages("acme", accepted.session_id, 0, 2)
    rest = await place.reader.messages("acme", accepted.session_id, first[-1].sequence, 2)
    told = [(message.text, message.turn_id) for message in (*first, *rest)]
    assert told == [("three", ""), ("two", ""), ("one", turn_id)]
    assert await place.reader.messages("umbrella", accepted.session_id, 0, 2) == ()


async def test_events_are_read_behind_an_offset(place: Place) -> None:
    accepted = await place.say()
    await place.answer(accepted)
    events = await place.reader.events(accepted.session_id, 1, 2)
    assert [(event.offset, type(event.body).__name__) for event in events] == [
        (2, "TurnStarted"),
        (3, "TurnAggregated"),
    ]
    [last] = await place.reader.events(accepted.session_id, 3, 10)
    assert isinstance(last.body, TurnCompleted)
    assert last.body.turn.reply_text == "good day"


async def test_sessions_that_have_gone_on_are_told_from_those_that_have_not(place: Place) -> None:
    one, two = await place.say(user="1"), await place.say(user="2")
    seen = {one.session_id: one.event_offset, two.session_id: two.event_offset, "ses_gone": 0}
    assert await place.reader.ahead(seen) == []
    await place.answer(two)
    assert await place.reader.ahead(seen) == [two.session_id]
    assert await place.reader.ahead({}) == []
