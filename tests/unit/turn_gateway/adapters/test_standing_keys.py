from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from focal_service_kit import redis_client
from focal_service_kit.settings import RedisSettings
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.standing_keys import ValkeyStandings, blocked_key, restricted_key
from focal_turn_gateway.domain.abuse import Standing

BLOCKED = Standing("acme", "ada", blocked_s=60)


@pytest.fixture
async def valkey(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        yield client


async def test_who_stands_has_a_key_for_as_long_and_who_no_longer_does_has_none(
    valkey: redis.asyncio.Redis,
) -> None:
    cache = ValkeyStandings(valkey)
    assert await cache.write([BLOCKED], await cache.changing(), replace=True)
    assert 59_000 < await valkey.pttl(blocked_key("acme", "ada")) <= 60_000
    assert not await valkey.exists(restricted_key("acme", "ada"))
    restricted = Standing("acme", "ada", restricted_s=30)
    assert await cache.write([restricted], await cache.changing(), replace=True)
    assert not await valkey.exists(blocked_key("acme", "ada"))
    assert 29_000 < await valkey.pttl(restricted_key("acme", "ada")) <= 30_000


async def test_of_two_entries_the_one_that_holds_longer_counts(valkey: redis.asyncio.Redis) -> None:
    cache = ValkeyStandings(valkey)
    shorter = Standing("acme", "ada", blocked_s=10)
    assert await cache.write([BLOCKED, shorter], await cache.version(), replace=False)
    assert await valkey.pttl(blocked_key("acme", "ada")) > 59_000


async def test_nothing_is_written_that_was_read_before_a_change(valkey: redis.asyncio.Redis) -> None:
    cache = ValkeyStandings(valkey)
    version = await cache.version()
    await ValkeyStandings(valkey).changing()
    assert not await cache.write([BLOCKED], version, replace=False)
    assert not await valkey.exists(blocked_key("acme", "ada"))
    # A flush takes the count with it: that too is a change.
    version = await cache.version()
    await valkey.flushdb()
    assert not await cache.write([BLOCKED], version, replace=False)


async def test_one_writes_all_for_everybody_until_it_is_stale(valkey: redis.asyncio.Redis) -> None:
    one, other = ValkeyStandings(valkey), ValkeyStandings(valkey)
    assert not await one.fresh(60)
    assert await other.fresh(60)
    await one.stale()
    assert not await other.fresh(60)
    await valkey.flushdb()
    assert not await one.fresh(60)


async def test_a_valkey_that_is_away_says_so() -> None:
    async with redis_client.connect(RedisSettings(url="redis://127.0.0.1:1")) as nowhere:
        for asked in (
            ValkeyStandings(nowhere).version(),
            ValkeyStandings(nowhere).fresh(1),
            ValkeyStandings(nowhere).write([BLOCKED], b"", replace=False),
        ):
            with pytest.raises(errors.CacheAway):
                await asked
