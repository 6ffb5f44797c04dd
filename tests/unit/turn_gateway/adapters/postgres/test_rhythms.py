import asyncpg
import pytest

from focal_turn_gateway.adapters.postgres.message_store import Learning, PostgresMessageStore, QueueLimits
from focal_turn_gateway.adapters.postgres.rhythms import PostgresRhythms
from focal_turn_gateway.adapters.postgres.turn_store import PostgresTurnStore
from focal_turn_gateway.domain.accumulation import AggregationReason, Hint, Rhythm, Window
from focal_turn_gateway.domain.messages import Address, Content, Submission
from focal_turn_gateway.domain.turns import Attempt, TurnStatus, closed
from focal_turn_gateway.ports.engine import Hold
from tests.fakes.turn_gateway import result, submission

pytestmark = pytest.mark.migrated("focal_turn_gateway")

AT_ONCE = Window(0, AggregationReason.OFF)
LATER = Window(60_000, AggregationReason.TIMEOUT)
LIMITS = QueueLimits(turn=100, queue=10, retry_s=1)


class Place:
    """One customer's messages, `written` so many milliseconds apart."""

    def __init__(self, pool: asyncpg.Pool, kept: int = 3) -> None:
        self.pool = pool
        self.messages = PostgresMessageStore(pool, 10_000, LIMITS, Learning(100, 30_000, kept))
        self.turns = PostgresTurnStore(pool, max_messages=100, history=0)
        self.rhythms = PostgresRhythms(pool, texts=2, chars=10)

    async def written(self, text: str, after_ms: int = 0, window: Window = LATER) -> str:
        await self.pool.execute(
            "UPDATE turns.messages SET received_at = received_at - $1 * interval '1 ms'", float(after_ms)
        )
        return (await self.messages.submit(submission(text), window)).session_id

    async def answered(self, session_id: str, hint: Hint | None = None) -> None:
        import asyncio

        await self.pool.execute("UPDATE turns.sessions SET due_at = clock_timestamp()")
        attempt = await self.turns.open_turn(Hold(session_id, asyncio.Event()))
        assert isinstance(attempt, Attempt)
        ids = (message.message_id for message in attempt.messages)
        turn = closed(attempt, result(*ids), TurnStatus.COMPLETE)
        await self.turns.commit(attempt, turn, None, [], [], hint)

    async def known(self) -> Rhythm:
        return await self.rhythms.rhythm(submission("next"))


async def test_nothing_is_known_of_a_new_customer(pool: asyncpg.Pool) -> None:
    assert await Place(pool).known() == Rhythm()


async def test_the_latest_gaps_between_unanswered_messages_are_kept(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    await place.written("one")
    for gap in (900, 800, 700, 600):
        await place.written("more", gap)
    gaps = (await place.known()).gaps_ms
    assert len(gaps) == 3
    assert all(gap <= seen < gap + 400 for gap, seen in zip((800, 700, 600), gaps, strict=True))


async def test_a_pause_with_our_reply_in_it_is_no_gap(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    await place.answered(await place.written("one"))
    await place.written("two", 5000)
    assert (await place.known()).gaps_ms == ()


async def test_messages_delivered_together_or_far_apart_are_no_gap(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    await place.written("one")
    await place.pool.execute("UPDATE turns.messages SET received_at = clock_timestamp() + interval '1 s'")
    await place.written("at the same moment")
    await place.written("much later", 31_000)
    assert (await place.known()).gaps_ms == ()


async def test_nothing_is_learnt_when_none_is_to_be_kept(pool: asyncpg.Pool) -> None:
    place = Place(pool, kept=0)
    await place.written("one")
    await place.written("two", 800)
    assert (await place.known()).gaps_ms == ()


async def test_the_rhythm_is_the_customers_on_the_channel_and_no_other_tenants(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    await place.written("one")
    await place.written("two", 800)
    mine = submission("next")
    other_agent = Submission("acme", Address("shop", "web", mine.address.channel_user_id), Content("x"), "")
    assert len((await place.rhythms.rhythm(other_agent)).gaps_ms) == 1
    assert (await place.rhythms.rhythm(other_agent)).earlier_count == 0
    theirs = Submission("umbrella", mine.address, mine.content, "")
    assert await place.rhythms.rhythm(theirs) == Rhythm()


async def test_the_window_counts_its_messages_and_shows_the_latest_of_them(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    for text in ("one", "two", "three, a long one"):
        session_id = await place.written(text)
    known = await place.known()
    assert (known.earlier_count, known.earlier) == (3, ("two", "three, a l"))
    await place.answered(session_id)
    assert (await place.known()).earlier_count == 0


async def test_messages_during_a_turn_are_counted_anew(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    session_id = await place.written("one", window=AT_ONCE)
    await place.pool.execute("UPDATE turns.sessions SET window_opened_at = NULL")
    assert (await place.known()).earlier_count == 0
    await place.written("two")
    assert (await place.known()).earlier == ("two",)
    await place.answered(session_id)
    assert (await place.known()).earlier_count == 0


async def test_the_last_committed_hint_stays_until_another_is_committed(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    hint = Hint(True, False, 0.5, "order_id")
    await place.answered(await place.written("one"), hint)
    assert (await place.known()).hint == hint
    await place.answered(await place.written("two"), None)
    assert (await place.known()).hint == hint
    await place.answered(await place.written("three"), Hint())
    assert (await place.known()).hint == Hint()
