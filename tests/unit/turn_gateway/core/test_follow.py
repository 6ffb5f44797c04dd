import asyncio
from contextlib import aclosing

from focal_turn_gateway.core import follow
from focal_turn_gateway.core.follow import Follow, Followed
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.events import (
    Body,
    Event,
    StoredEvent,
    SupersedeDecided,
    TextDelta,
    TextReset,
    TurnCompleted,
    TurnStarted,
    TurnSuperseded,
)
from focal_turn_gateway.domain.turns import TurnStatus, closed
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import NOW, SESSION, Feed, attempt, result, submission

AT_ONCE = Window(0, AggregationReason.OFF)


class Log:
    """A session with some events, and what follows it. The first event is that of its message."""

    def __init__(self, poll_s: float = 0.01) -> None:
        self.turns, self.feed = InMemoryTurns(), Feed()
        self.follow = Follow(self.turns, self.feed, poll_s, page=2)

    async def begin(self) -> None:
        await self.turns.submit(submission(), AT_ONCE)

    def store(self, *bodies: Body, turn_id: str = "trn_1", attempt: int = 1, live: bool = False) -> None:
        before = len(self.turns.sessions_by_id[SESSION].events)
        self.turns._append(SESSION, [Event(body, turn_id, attempt) for body in bodies])
        if live:
            self.feed.publish(SESSION, self.turns.sessions_by_id[SESSION].events[before:])

    def text(self, text: str, attempt: int = 1, turn_id: str = "trn_1", restart: int = 0) -> TextDelta:
        delta = TextDelta(turn_id, attempt, 1, text, restart)
        self.feed.publish(SESSION, [delta])
        return delta

    async def first(self, count: int, after: int = 0) -> list[Followed]:
        async with asyncio.timeout(5), aclosing(self.follow(SESSION, after)) as items:
            return [await anext(items) for _ in range(count)]


def started(attempt_number: int = 1) -> TurnStarted:
    return TurnStarted("grp_1", attempt_number, "MESSAGE")


def completed() -> TurnCompleted:
    return TurnCompleted(closed(attempt(), result("msg_1"), TurnStatus.COMPLETE))


def offsets(items: list[Followed]) -> list[int]:
    return [item.offset for item in items if isinstance(item, StoredEvent)]


async def test_stored_events_come_in_order_over_many_pages() -> None:
    log = Log()
    await log.begin()
    log.store(*[started()] * 6)
    assert offsets(await log.first(7)) == [1, 2, 3, 4, 5, 6, 7]


async def test_following_resumes_behind_an_offset() -> None:
    log = Log()
    await log.begin()
    log.store(started(), started())
    assert offsets(await log.first(1, after=2)) == [3]


async def test_live_events_are_passed_on_once_however_they_arrive() -> None:
    log = Log(poll_s=60)
    await log.begin()
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 0)) as items:
        assert offsets([await anext(items)]) == [1]
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        log.store(started(), live=True)
        assert offsets([await waiting]) == [2]
        log.feed.publish(SESSION, log.turns.sessions_by_id[SESSION].events)  # again, from the start
        log.store(completed(), live=True)
        assert offsets([await anext(items)]) == [3]


async def test_a_hole_in_what_is_heard_is_filled_from_the_log() -> None:
    log = Log(poll_s=60)
    await log.begin()
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 0)) as items:
        await anext(items)
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        log.store(started())
        log.store(completed(), live=True)
        assert offsets([await waiting, await anext(items)]) == [2, 3]


async def test_a_follower_that_is_told_it_missed_something_reads_the_log() -> None:
    log = Log()
    log.feed.deaf = True
    await log.begin()
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 1)) as items:
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        log.store(started(), live=True)
        log.feed.missed(SESSION)
        assert offsets([await waiting]) == [2]


async def test_where_a_follower_stands_is_known_whatever_it_heard() -> None:
    log = Log()
    await log.begin()
    log.store(started())
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 0)) as items:
        assert offsets([await anext(items), await anext(items)]) == [1, 2]
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        assert log.feed.followed() == {SESSION: 2}
        log.store(completed(), live=True)
        await waiting
        following = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        assert log.feed.followed() == {SESSION: 3}
        following.cancel()
        await asyncio.wait([following])


async def test_a_store_that_goes_away_is_waited_for_without_a_gap() -> None:
    log = Log(poll_s=0.01)
    await log.begin()
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 0)) as items:
        await anext(items)
        log.turns.away = True
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        log.turns.away = False
        log.store(started(), live=True)
        assert offsets([await waiting]) == [2]


async def test_a_new_attempt_voids_the_text_of_the_one_before() -> None:
    log = Log()
    await log.begin()
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 1)) as items:
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        old = log.text("old")
        assert await waiting == old
        log.store(started(2), attempt=2, live=True)
        assert offsets([await anext(items)]) == [2]
        assert await anext(items) == TextReset("trn_1", 1)
        log.text("late", attempt=1)
        new = log.text("new", attempt=2)
        assert await anext(items) == new


async def test_a_superseded_turn_voids_its_text() -> None:
    log = Log()
    await log.begin()
    log.store(TurnSuperseded("trn_2", "changed"), attempt=3)
    assert (await log.first(3))[2] == TextReset("trn_1", 3)


async def test_text_that_comes_behind_the_reply_is_dropped() -> None:
    """A worker that thaws goes on writing for a turn that another one has closed."""
    log = Log()
    await log.begin()
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 1)) as items:
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        log.store(completed(), attempt=2, live=True)
        assert offsets([await waiting]) == [2]
        log.text("late", attempt=1)
        following = log.text("next", turn_id="trn_2")
        assert await anext(items) == following


def test_what_is_void_is_forgotten_after_many_turns() -> None:
    follower = follow._Follower(0)
    for number in range(200):
        superseded = StoredEvent(SESSION, number + 1, NOW, TurnSuperseded("next", ""), f"trn_{number}", 1)
        follower.stored(superseded)
    assert len(follower._valid) < 50
    assert follower.live(TextDelta("trn_199", 1, 1, "late")) == []


async def test_leaving_ends_the_subscription() -> None:
    log = Log()
    await log.begin()
    await log.first(1)
    assert log.feed.followers == []


def absorbed(restart: int) -> SupersedeDecided:
    strategy = "RESTART" if restart else "CONTINUE"
    return SupersedeDecided("ABSORB", strategy, "PHASE_BOUNDARY", "because", ("msg_2",), restart)


async def test_a_restarted_attempt_resets_its_text_and_goes_on_showing() -> None:
    log = Log(poll_s=60)
    await log.begin()
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 0)) as items:
        await anext(items)
        log.text("old")
        log.store(absorbed(1), live=True)
        late, new = log.text("late"), log.text("new", restart=1)
        seen = [await anext(items) for _ in range(4)]
    assert [item for item in seen if not isinstance(item, StoredEvent)] == [
        TextDelta("trn_1", 1, 1, "old"),
        TextReset("trn_1", 1, 1),
        new,
    ]
    assert late not in seen


async def test_text_that_overtakes_the_restart_is_not_dropped_by_its_reset() -> None:
    log = Log(poll_s=60)
    await log.begin()
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 0)) as items:
        await anext(items)
        new = log.text("new", restart=1)
        log.store(absorbed(1), live=True)
        more = log.text(" text", restart=1)
        seen = [await anext(items) for _ in range(4)]
    assert [item for item in seen if not isinstance(item, StoredEvent)] == [
        TextReset("trn_1", 1, 1),
        new,
        more,
    ]


async def test_going_on_with_a_message_keeps_the_text() -> None:
    log = Log(poll_s=60)
    await log.begin()
    async with asyncio.timeout(5), aclosing(log.follow(SESSION, 0)) as items:
        await anext(items)
        first = log.text("one")
        log.store(absorbed(0), live=True)
        second = log.text("two")
        seen = [await anext(items) for _ in range(3)]
    assert [item for item in seen if not isinstance(item, StoredEvent)] == [first, second]
