"""Whose messages their own limit refused, and how often: one hash in Valkey for each stretch of time.

The script of `rate_windows` counts them where it refuses, so that a refusal costs no other call. What Valkey
loses is forgotten.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import redis.asyncio
from redis.exceptions import RedisError

from focal_turn_gateway import errors
from focal_turn_gateway.ports.abuse import AddressHits

STRETCHES = 12
"""Stretches of a window; a hit counts for up to one of them longer than the window."""
_SCAN = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """Hits are counted by stretches of `stretch_ms` and kept for `kept_ms`, of `most` addresses in each."""

    stretch_ms: int
    kept_ms: int
    most: int

    @classmethod
    def of(cls, window_s: float, most: int) -> Kept:
        """As a window of so many seconds needs it."""
        stretch_ms = math.ceil(window_s * 1000 / STRETCHES)
        return cls(stretch_ms, stretch_ms * (STRETCHES + 2), most)


class ValkeyRateHits:
    """`ports.abuse.RateHits`."""

    def __init__(self, client: redis.asyncio.Redis, kept: Kept) -> None:
        self._client = client
        self._stretch_ms = kept.stretch_ms

    async def often(self, window_s: float, more_than: int) -> list[AddressHits]:
        """Addresses with more hits than that, the worst first. Raises CacheAway."""
        found: defaultdict[str, dict[float, int]] = defaultdict(dict)
        try:
            seconds, microseconds = await self._client.time()
            newest = (seconds * 1000 + microseconds // 1000) // self._stretch_ms
            oldest = newest - math.ceil(window_s * 1000 / self._stretch_ms)
            for stretch in range(oldest, newest + 1):
                begins = stretch * self._stretch_ms / 1000
                async for who, hits in self._client.hscan_iter(f"abuse:hits:{stretch}", count=_SCAN):
                    found[who.decode()][begins] = int(hits)
        except (RedisError, OSError) as error:
            raise errors.CacheAway from error
        often = {who: hits for who, hits in found.items() if sum(hits.values()) > more_than}
        worst = sorted(often, key=lambda who: -sum(often[who].values()))
        return [_hits(who, often[who]) for who in worst]


def _hits(who: str, hits: dict[float, int]) -> AddressHits:
    tenant_id, customer_hash = who.split(":", 1)
    return AddressHits(tenant_id, customer_hash, hits)
