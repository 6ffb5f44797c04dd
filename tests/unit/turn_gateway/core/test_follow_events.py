import asyncio
from contextlib import aclosing

import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.core.follow_events import FollowEvents
from focal_turn_gateway.domain.event_log import EventChoice, LogPage, Position
from focal_turn_gateway.domain.events import AgentReported
from tests.fakes.event_logs import InMemoryEventLog


@pytest.fixture
def log() -> InMemoryEventLog:
    return InMemoryEventLog()


def said(kind: str, category: str = "tool") -> AgentReported:
    return AgentReported(category, kind, "{}", "INFO", "1.0")


async def pages(follow: FollowEvents, after: Position, count: int, *patterns: str) -> list[LogPage]:
    choice = EventChoice(patterns or ("*",))
    async with asyncio.timeout(5), aclosing(follow("acme", after, choice)) as found:
        return [await anext(found) for _ in range(count)]


async def test_a_reader_gets_all_events_page_by_page_and_then_what_comes(log: InMemoryEventLog) -> None:
    follow = FollowEvents(log, poll_s=0.01, page=2)
    stored = [log.store(said(f"n{number}")) for number in range(3)]
    found = await pages(follow, Position(0, 0), 2)
    assert [event for page in found for event in page.events] == stored
    waiting = asyncio.ensure_future(pages(follow, found[-1].reached, 1))
    await asyncio.sleep(0.03)
    late = log.store(said("late"))
    assert (await waiting)[0].events == (late,)


async def test_what_is_not_chosen_still_brings_the_reader_on(log: InMemoryEventLog) -> None:
    follow = FollowEvents(log, poll_s=0.01, page=10)
    for number in range(3):
        log.store(said(f"n{number}", "rule"))
    [page] = await pages(follow, Position(0, 0), 1, "tool.*")
    assert page == LogPage((), log.events[-1].position, more=False)


async def test_a_store_that_is_away_is_waited_for(log: InMemoryEventLog) -> None:
    log.away = True
    stored = log.store(said("n1"))
    reading = asyncio.ensure_future(pages(FollowEvents(log, poll_s=0.01, page=2), Position(0, 0), 1))
    await asyncio.sleep(0.03)
    log.away = False
    assert (await reading)[0].events == (stored,)


async def test_reading_begins_at_a_place_at_the_oldest_or_at_the_end(log: InMemoryEventLog) -> None:
    follow = FollowEvents(log, poll_s=0.01, page=2)
    stored = log.store(said("n1"))
    assert await follow.start("acme", None, oldest=True) == Position(0, 0)
    assert await follow.start("acme", None, oldest=False) == stored.position
    assert await follow.start("acme", Position(0, 5), oldest=False) == Position(0, 5)


async def test_a_place_whose_events_are_gone_is_refused(log: InMemoryEventLog) -> None:
    log.removed = Position(3, 1)
    with pytest.raises(errors.EventsRemoved):
        await FollowEvents(log, 0.01, 2).start("acme", Position(1, 1), oldest=True)
