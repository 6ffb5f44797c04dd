import prometheus_client as prometheus
import redis.asyncio

from focal_service_kit import redis_client
from focal_service_kit.settings import RedisSettings
from focal_turn_gateway.adapters.event_counts import ValkeyEventCounts
from focal_turn_gateway.adapters.event_meter import EventMeter
from focal_turn_gateway.domain.event_names import Refusal


async def test_counts_of_all_gateways_add_up_by_tenant_and_minute(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        one, other = ValkeyEventCounts(client), ValkeyEventCounts(client)
        assert await one.add(10, {"acme": (3, 1), "umbrella": (5, 0)}) == {
            "acme": (3, 1),
            "umbrella": (5, 0),
        }
        assert await other.add(10, {"acme": (2, 2)}) == {"acme": (5, 3)}
        assert await one.add(11, {"acme": (1, 0)}) == {"acme": (1, 0)}
        assert 0 < await client.ttl("turns:events:10:acme") <= 180


async def test_a_valkey_that_is_away_has_no_counts() -> None:
    async with redis_client.connect(RedisSettings(url="redis://127.0.0.1:1")) as nowhere:
        assert await ValkeyEventCounts(nowhere).add(10, {"acme": (1, 0)}) is None


def test_dropped_events_are_a_metric_by_tenant_and_reason() -> None:
    registry = prometheus.CollectorRegistry()
    EventMeter(registry).refused("acme", Refusal.RATE_LIMIT)
    labels = {"tenant": "acme", "reason": "RATE_LIMIT"}
    assert registry.get_sample_value("focal_events_dropped_total", labels) == 1
