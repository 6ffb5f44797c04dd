from collections.abc import AsyncIterator
from dataclasses import replace

import prometheus_client
import pytest
import redis.asyncio

from focal_service_kit import redis_client
from focal_service_kit.settings import RedisSettings
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.rate_hits import Kept, ValkeyRateHits
from focal_turn_gateway.adapters.rate_windows import ValkeyRateWindows
from focal_turn_gateway.domain.rates import Rates

KEPT = Kept.of(3600, most=3)
ONE_A_MINUTE = Rates(tenant=0, customer=1, restricted=1)


@pytest.fixture
async def valkey(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        yield client


def windows(valkey: redis.asyncio.Redis, kept: Kept | None) -> ValkeyRateWindows:
    registry = prometheus_client.CollectorRegistry()
    return ValkeyRateWindows(valkey, registry, window_s=60, slices=12, timeout_s=1, pause_s=1, hits=kept)


async def write(counting: ValkeyRateWindows, customer: str, times: int, rates: Rates = ONE_A_MINUTE) -> None:
    for _ in range(times):
        assert await counting.admit("acme", customer, rates) is not None


async def test_what_a_customers_own_limit_refuses_is_counted_and_nothing_else(
    valkey: redis.asyncio.Redis,
) -> None:
    counting = windows(valkey, KEPT)
    await write(counting, "ada", 4)
    await write(counting, "bob", 3)
    await write(counting, "cia", 5, Rates(tenant=1, customer=0, restricted=0))
    await valkey.set("abuse:blocked:acme:dan", "1")
    await write(counting, "dan", 5)
    found = await ValkeyRateHits(valkey, KEPT).often(3600, 1)
    assert [(each.tenant_id, each.customer_hash, sum(each.hits.values())) for each in found] == [
        ("acme", "ada", 3),
        ("acme", "bob", 2),
    ]
    assert [each.customer_hash for each in await ValkeyRateHits(valkey, KEPT).often(3600, 2)] == ["ada"]


async def test_hits_count_for_a_window_and_are_forgotten_by_themselves(valkey: redis.asyncio.Redis) -> None:
    await write(windows(valkey, KEPT), "ada", 3)
    [key] = await valkey.keys("abuse:hits:*")
    assert 0 < await valkey.pttl(key) <= KEPT.kept_ms
    assert isinstance(key, bytes)
    stretch = int(key.rsplit(b":", 1)[1])
    for ago, number in ((11, 1), (12, 1), (14, 1)):
        await valkey.hset(f"abuse:hits:{stretch - ago}", "acme:ada", number)
    [found] = await ValkeyRateHits(valkey, KEPT).often(3600, 0)
    assert sorted(found.hits.values()) == [1, 1, 2]


async def test_no_more_addresses_are_remembered_than_there_is_room_for(valkey: redis.asyncio.Redis) -> None:
    counting = windows(valkey, replace(KEPT, most=2))
    for customer in ("ada", "bob", "cia"):
        await write(counting, customer, 3)
    await write(counting, "ada", 1)
    found = await ValkeyRateHits(valkey, KEPT).often(3600, 0)
    assert {each.customer_hash: sum(each.hits.values()) for each in found} == {"ada": 3, "bob": 2}


async def test_where_nobody_looks_nothing_is_noted(valkey: redis.asyncio.Redis) -> None:
    await write(windows(valkey, None), "ada", 3)
    assert await valkey.keys("abuse:hits:*") == []


async def test_a_valkey_that_is_away_says_so() -> None:
    async with redis_client.connect(RedisSettings(url="redis://127.0.0.1:1")) as nowhere:
        with pytest.raises(errors.CacheAway):
            await ValkeyRateHits(nowhere, KEPT).often(3600, 1)
