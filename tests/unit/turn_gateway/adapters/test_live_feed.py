import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
import redis.asyncio

from focal_service_kit import tasks
from focal_turn_gateway.adapters.live_feed import Subscription, ValkeyLiveFeed
from focal_turn_gateway.adapters.pubsub import PubSub
from focal_turn_gateway.domain.events import StoredEvent, TextDelta, TurnSuperseded
from focal_turn_gateway.ports.live import LiveItem
from tests.fakes.turn_gateway import NOW, SESSION
from tests.fakes.until import until

SILENCE = "silence"
DELTA = TextDelta("trn_1", 1, 1, "good ☀")
EVENT = StoredEvent(SESSION, 1, NOW, TurnSuperseded("trn_2", "changed"))


async def soon(subscription: Subscription, within_s: float) -> LiveItem | str | None:
    """The next item, or that there was none."""
    try:
        async with asyncio.timeout(within_s):
            return await subscription.next()
    except TimeoutError:
        return SILENCE


async def test_items_come_in_order() -> None:
    subscription = Subscription(10, 0)
    subscription.offer(DELTA)
    subscription.offer(EVENT)
    assert [await soon(subscription, 1) for _ in range(2)] == [DELTA, EVENT]
    assert await soon(subscription, 0.01) == SILENCE


async def test_what_was_missed_is_said_once_and_only_to_a_follower_with_nothing_to_look_at() -> None:
    subscription = Subscription(10, 0)
    subscription.missed()
    subscription.missed()
    assert [await soon(subscription, 0.01) for _ in range(2)] == [None, SILENCE]
    subscription.offer(DELTA)
    subscription.missed()
    assert [await soon(subscription, 0.01) for _ in range(2)] == [DELTA, SILENCE]


async def test_a_session_is_followed_from_where_its_slowest_follower_stands() -> None:
    feed = ValkeyLiveFeed(PubSub(redis.asyncio.Redis()), 10)
    with feed.subscribe(SESSION, 3) as one, feed.subscribe(SESSION, 7), feed.subscribe("ses_2", 0):
        assert feed.followed() == {SESSION: 3, "ses_2": 0}
        one.offset = 9
        assert feed.followed() == {SESSION: 7, "ses_2": 0}
        feed.missed("ses_2")
        assert await soon(one, 0.01) == SILENCE
        feed.missed(SESSION)
        assert await soon(one, 0.01) is None
    assert feed.followed() == {}


async def test_a_full_subscription_drops_what_comes_and_never_grows() -> None:
    subscription = Subscription(2, 0)
    for _ in range(100):
        subscription.offer(DELTA)
    assert [await soon(subscription, 0.01) for _ in range(3)] == [DELTA, DELTA, SILENCE]


@pytest.fixture
async def feeds(redis_url: str) -> AsyncIterator[Callable[[], ValkeyLiveFeed]]:
    """Makes feeds that talk over Valkey as those of two processes do."""
    running = []
    clients = []

    def make() -> ValkeyLiveFeed:
        clients.append(redis.asyncio.Redis.from_url(redis_url))
        pubsub = PubSub(clients[-1])
        running.append(asyncio.ensure_future(pubsub.run()))
        return ValkeyLiveFeed(pubsub, 10)

    yield make
    await tasks.cancel(running)
    for client in clients:
        await client.aclose()


async def test_followers_in_this_process_hear_at_once_and_only_once(
    feeds: Callable[[], ValkeyLiveFeed],
) -> None:
    feed = feeds()
    with feed.subscribe(SESSION, 0) as subscription:
        feed.publish(SESSION, [EVENT, DELTA])
        assert [await soon(subscription, 1), await soon(subscription, 1)] == [EVENT, DELTA]
        assert await soon(subscription, 0.2) == SILENCE


async def test_text_travels_whole_between_processes_and_events_as_hints(
    feeds: Callable[[], ValkeyLiveFeed],
) -> None:
    here, there = feeds(), feeds()
    with there.subscribe(SESSION, 0) as subscription:
        await _heard(here, subscription)
        here.publish(SESSION, [EVENT])
        here.publish(SESSION, [DELTA])
        assert await soon(subscription, 5) is None
        assert await soon(subscription, 5) == DELTA


async def test_other_sessions_are_not_heard(feeds: Callable[[], ValkeyLiveFeed]) -> None:
    here, there = feeds(), feeds()
    with there.subscribe(SESSION, 0) as mine, there.subscribe("ses_2", 0) as other:
        await _heard(here, mine)
        here.publish("ses_2", [DELTA])
        assert await soon(other, 5) == DELTA
        assert await soon(mine, 0.1) == SILENCE


async def test_the_last_follower_that_leaves_ends_the_subscription(
    feeds: Callable[[], ValkeyLiveFeed],
) -> None:
    here, there = feeds(), feeds()
    with there.subscribe(SESSION, 0) as first:
        with there.subscribe(SESSION, 0):
            await _heard(here, first)
        here.publish(SESSION, [DELTA])
        assert await soon(first, 5) == DELTA
    assert not there._followers
    assert f"turns:live:{SESSION}" not in there._pubsub._receivers
    with there.subscribe(SESSION, 0) as again:
        await _heard(here, again)


@pytest.mark.parametrize("payload", [b"", b"no json", b"5", b"[]", b'["x", 1]', json.dumps("x").encode()])
async def test_what_another_release_writes_is_a_hint_to_read_the_log(payload: bytes) -> None:
    feed = ValkeyLiveFeed(PubSub(redis.asyncio.Redis()), 10)
    with feed.subscribe(SESSION, 0) as subscription:
        feed._received(SESSION, payload)
        assert subscription._items.qsize() == 1
        assert await soon(subscription, 1) is None


async def _heard(source: ValkeyLiveFeed, subscription: Subscription) -> None:
    """Return when `subscription` hears `source`; nothing of it is left in the queue."""

    async def heard() -> bool:
        source.publish(SESSION, [TextDelta("probe", 1, 1, "")])
        return await soon(subscription, 0.05) != SILENCE

    await until(heard, "the subscription is heard")
    while await soon(subscription, 0.1) != SILENCE:
        pass
