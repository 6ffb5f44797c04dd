import asyncio
from collections.abc import Sequence

import pytest

from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.core import reporting
from focal_turn_gateway.core.reporting import Reporter
from focal_turn_gateway.domain.events import AgentReported, Event
from focal_turn_gateway.domain.turns import Attempt
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import Feed, attempt
from tests.fakes.until import until


def event(number: int) -> Event:
    return Event(AgentReported("custom", str(number), "{}", "INFO", "1.0"), "trn_1", 1)


class Slow(InMemoryTurns):
    """Stores events when told to; `lost` raises AttemptLost."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.stored: list[Event] = []
        self.writes = 0
        self.lost = False

    async def record_events(self, attempt: Attempt, events: Sequence[Event]) -> int:
        self.writes += 1
        await self.go.wait()
        self._reach()
        if self.lost:
            raise errors.AttemptLost
        self.stored += events
        return 1


@pytest.fixture
def slow() -> Slow:
    return Slow()


async def test_what_comes_together_is_stored_together_and_then_shown(slow: Slow) -> None:
    feed = Feed()
    reporter = Reporter(slow, feed, attempt(), flush_s=0.01)
    slow.go.set()
    running = asyncio.ensure_future(reporter.run())
    for number in range(5):
        reporter.add(event(number))
    await until(lambda: feed.hinted, "stored events are shown")
    assert (slow.stored, slow.writes) == ([event(number) for number in range(5)], 1)
    await tasks.cancel([running])


async def test_taking_waits_for_a_write_under_way_so_that_nothing_is_stored_twice(slow: Slow) -> None:
    reporter = Reporter(slow, Feed(), attempt(), flush_s=0)
    running = asyncio.ensure_future(reporter.run())
    reporter.add(event(1))
    await until(lambda: slow.writes, "the write is under way")
    reporter.add(event(2))
    taking = asyncio.ensure_future(reporter.take())
    running.cancel()
    await asyncio.sleep(0.01)
    assert not taking.done()
    slow.go.set()
    assert await taking == [event(2)]
    assert slow.stored == [event(1)]


async def test_events_wait_in_order_while_the_store_is_away(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "_AGAIN_S", 0.01)
    reporter = Reporter(slow, Feed(), attempt(), flush_s=0)
    slow.go.set()
    slow.away = True
    running = asyncio.ensure_future(reporter.run())
    reporter.add(event(1))
    await until(lambda: slow.writes > 2, "it is tried again")
    reporter.add(event(2))
    slow.away = False
    await until(lambda: len(slow.stored) == 2, "both are stored")
    assert slow.stored == [event(1), event(2)]
    await tasks.cancel([running])


async def test_a_store_that_is_away_is_not_asked_without_pause(slow: Slow) -> None:
    reporter = Reporter(slow, Feed(), attempt(), flush_s=0)
    slow.go.set()
    slow.away = True
    running = asyncio.ensure_future(reporter.run())
    reporter.add(event(1))
    await asyncio.sleep(0.1)
    assert slow.writes <= 2
    await tasks.cancel([running])
    assert await reporter.take() == [event(1)]


async def test_a_lost_attempt_ends_the_reporting(slow: Slow) -> None:
    reporter = Reporter(slow, Feed(), attempt(), flush_s=0)
    slow.go.set()
    slow.lost = True
    reporter.add(event(1))
    with pytest.raises(errors.AttemptLost):
        async with asyncio.timeout(5):
            await reporter.run()
