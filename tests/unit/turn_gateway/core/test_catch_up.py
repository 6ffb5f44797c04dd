from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from focal_service_kit import tasks
from focal_turn_gateway.core.catch_up import CatchUp
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import Feed, submission
from tests.fakes.until import until

AT_ONCE = Window(0, AggregationReason.OFF)


class Place:
    """Three sessions of one event each, all of them followed."""

    def __init__(self, followers: ExitStack) -> None:
        self.turns, self.feed = InMemoryTurns(), Feed()
        self.catch_up = CatchUp(self.turns, self.feed, poll_s=0.01, page=2)
        self._followers = followers

    async def begin(self, *offsets: int) -> None:
        """One session per offset that its follower has seen."""
        for number, offset in enumerate(offsets):
            accepted = await self.turns.submit(submission(user=str(number)), AT_ONCE)
            self._followers.enter_context(self.feed.subscribe(accepted.session_id, offset))


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    with ExitStack() as followers:
        place = Place(followers)
        await place.begin(1, 0, 1, 1, 0)
        running = asyncio.ensure_future(place.catch_up.run())
        yield place
        await tasks.cancel([running])


async def test_those_that_missed_something_are_told_and_no_others(place: Place) -> None:
    await until(lambda: len(place.feed.noticed) >= 4, "followers were told")
    assert set(place.feed.noticed) == {"ses_2", "ses_5"}


async def test_many_sessions_are_asked_about_in_few_questions(place: Place) -> None:
    await until(lambda: len(place.turns.asked_ahead) >= 3, "the store was asked")
    assert place.turns.asked_ahead[:3] == [2, 2, 1]


async def test_a_store_that_is_away_is_asked_again(place: Place) -> None:
    place.turns.away = True
    await asyncio.sleep(0.05)
    assert place.feed.noticed == []
    place.turns.away = False
    await until(lambda: place.feed.noticed, "followers were told")
