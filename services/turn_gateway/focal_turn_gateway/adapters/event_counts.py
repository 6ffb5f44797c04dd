"""Counts of reported events over all gateways, in Valkey: one small hash per tenant and minute."""

from __future__ import annotations

from collections.abc import Mapping

import redis.asyncio
from redis.exceptions import RedisError

_KEPT_S = 180
"""Long enough for gateways whose clocks are a minute apart."""


class ValkeyEventCounts:
    """`ports.events.EventCounts`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def add(
        self, minute: int, counted: Mapping[str, tuple[int, int]]
    ) -> dict[str, tuple[int, int]] | None:
        """Add counts and return the sums; None while Valkey is away."""
        pipeline = self._client.pipeline(transaction=False)
        for tenant_id, (total, customs) in counted.items():
            key = f"turns:events:{minute}:{tenant_id}"
            pipeline.hincrby(key, "total", total)
            pipeline.hincrby(key, "custom", customs)
            pipeline.expire(key, _KEPT_S)
        try:
            answers = await pipeline.execute()
        except (RedisError, OSError):
            return None
        return {
            tenant_id: (answers[3 * index], answers[3 * index + 1]) for index, tenant_id in enumerate(counted)
        }
