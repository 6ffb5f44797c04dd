import asyncio

import asyncpg
import pytest

from focal_turn_gateway.adapters.postgres.message_store import PostgresMessageStore, QueueLimits
from focal_turn_gateway.adapters.postgres.open_windows import PostgresOpenWindows
from focal_turn_gateway.adapters.postgres.turn_store import PostgresTurnStore
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.turns import Attempt
from focal_turn_gateway.ports.accumulation import OpenWindow
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.turns import Wait
from tests.fakes.turn_gateway import submission

pytestmark = pytest.mark.migrated("focal_turn_gateway")


class Place:
    """A session with one open window of ten seconds."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.messages = PostgresMessageStore(pool, 60_000, QueueLimits(turn=100, queue=10, retry_s=1))
        self.turns = PostgresTurnStore(pool, max_messages=100, history=0)
        self.windows = PostgresOpenWindows(pool)

    async def said(self, text: str) -> tuple[Hold, OpenWindow]:
        window = Window(10_000, AggregationReason.TIMEOUT)
        accepted = await self.messages.submit(submission(text), window)
        hold = Hold(accepted.session_id, asyncio.Event())
        waiting = await self.turns.open_turn(hold)
        assert isinstance(waiting, Wait)
        return hold, waiting.window


async def test_a_window_tells_what_a_judge_must_know(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    hold, window = await place.said("one")
    assert (window.tenant_id, window.agent_id, window.sequence, window.typing) == ("acme", "desk", 1, False)
    assert 9_900 < window.pause_ms <= 10_001
    await place.said("two")
    assert await place.windows.texts(hold, window) == ("one", "two")


async def test_a_window_is_finished_once_and_its_turn_opens(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    hold, window = await place.said("one")
    assert await place.windows.finish(hold, window)
    opened = await place.turns.open_turn(hold)
    assert isinstance(opened, Attempt)
    assert opened.aggregation_reason == "ADAPTIVE"
    assert not await place.windows.finish(hold, window)


async def test_a_window_that_another_message_or_typing_has_changed_is_left(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    hold, before = await place.said("one")
    _, window = await place.said("two")
    assert not await place.windows.finish(hold, before)
    await place.messages.extend_window("acme", hold.session_id, 20_000)
    waiting = await place.turns.open_turn(hold)
    assert isinstance(waiting, Wait)
    assert waiting.window.typing
    assert not await place.windows.finish(hold, window)


async def test_who_has_lost_the_session_and_other_tenants_finish_nothing(pool: asyncpg.Pool) -> None:
    place = Place(pool)
    hold, window = await place.said("one")
    foreign = OpenWindow("umbrella", "desk", 0, window.sequence, window.pause_ms, False)
    assert not await place.windows.finish(hold, foreign)
    assert await place.windows.texts(hold, foreign) == ()
    assert not await place.windows.finish(Hold(hold.session_id, hold.woken, lease=77), window)
