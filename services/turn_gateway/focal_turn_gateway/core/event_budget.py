"""How many events a tenant's agents may still report this minute, over all gateways.

Counting must not cost a turn a round trip: each gateway decides by what it counted itself and what all had
counted a moment ago. So a flood over several gateways may pass the limit by what they store between two
exchanges. While the shared counts are away each gateway counts alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from focal_service_kit import logging
from focal_turn_gateway.domain.event_names import Refusal
from focal_turn_gateway.ports.events import EventCounts

MINUTE_S = 60

_log = logging.get("event budget")


@dataclass(frozen=True, slots=True)
class Limits:
    """Events a minute that one tenant's agents may report: of any category, and of those `custom` ones."""

    per_minute: int
    custom_per_minute: int


class EventBudget:
    """Counts by calendar minute; `clock` tells seconds, `exchange_s` are seconds between exchanges."""

    def __init__(
        self,
        shared: EventCounts,
        limits: Limits,
        exchange_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._shared = shared
        self._limits = limits
        self._exchange_s = exchange_s
        self._clock = clock
        self._minute = -1
        self._known: dict[str, tuple[int, int]] = {}
        self._own: dict[str, tuple[int, int]] = {}

    def take(self, tenant_id: str, *, custom: bool) -> Refusal | None:
        """Count one event, or say which limit it would pass."""
        self._turn_minute()
        total, customs = _sum(self._known, self._own, tenant_id)
        if total >= self._limits.per_minute:
            return Refusal.RATE_LIMIT
        if custom and customs >= self._limits.custom_per_minute:
            return Refusal.CUSTOM_RATE_LIMIT
        own, own_customs = self._own.get(tenant_id, (0, 0))
        self._own[tenant_id] = (own + 1, own_customs + custom)
        return None

    async def run(self) -> None:
        """Exchange counts with the other gateways until cancelled."""
        while True:
            await asyncio.sleep(self._exchange_s)
            await self.exchange()

    async def exchange(self) -> None:
        """Tell the others what was counted here since the last time, and learn what all counted."""
        self._turn_minute()
        minute, told = self._minute, self._own
        if not told:
            return
        # Until the answer is there, what is told counts as known, or it would not count at all.
        self._known |= {tenant_id: _sum(self._known, told, tenant_id) for tenant_id in told}
        self._own = {}
        counts = await self._shared.add(minute, told)
        if counts is None:
            _log.warning("shared counts away, events are limited by gateway")
        elif minute == self._minute:
            self._known |= counts

    def _turn_minute(self) -> None:
        minute = int(self._clock() // MINUTE_S)
        if minute != self._minute:
            self._minute, self._known, self._own = minute, {}, {}


def _sum(
    one: Mapping[str, tuple[int, int]], other: Mapping[str, tuple[int, int]], tenant_id: str
) -> tuple[int, int]:
    (total, customs), (more, more_customs) = one.get(tenant_id, (0, 0)), other.get(tenant_id, (0, 0))
    return total + more, customs + more_customs
