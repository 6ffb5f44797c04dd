"""Remove what is past its retention: in small batches, so that nobody waits, one replica at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from focal_service_kit import logging
from focal_turn_gateway import errors
from focal_turn_gateway.ports.events import Retirement

DAY_S = 86_400.0
_LONGEST_RUN = 1000
"""Batches of one kind in a row; then the other kinds have their turn."""

_log = logging.get("retention")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in days: events, payloads of rule and custom events, what was delivered,
    artifacts of closed turns, and what is no longer held against customers.
    """

    events_days: float
    payloads_days: float
    deliveries_days: float
    artifacts_days: float
    abuse_days: float


@dataclass(frozen=True, slots=True)
class Retain:
    """Looks every `every_s` seconds; `batch` rows at once and `pause_s` seconds between batches."""

    store: Retirement
    retention: Retention
    every_s: float
    batch: int
    pause_s: float

    async def run(self) -> None:
        """Remove until cancelled. A store that is away has kept everything for another look."""
        while True:
            try:
                await self.once()
            except errors.StoreUnavailable:
                _log.warning("store away, retention waits")
            await asyncio.sleep(self.every_s)

    async def once(self) -> None:
        """One look at everything. Raises StoreUnavailable."""
        kept, store = self.retention, self.store
        for tenant_id in await store.tenants():
            await self._all("events", partial(store.remove_events, tenant_id, kept.events_days * DAY_S))
        await self._all("payloads", partial(store.empty_events, kept.payloads_days * DAY_S))
        await self._all("deliveries", partial(store.remove_deliveries, kept.deliveries_days * DAY_S))
        kept_s = kept.deliveries_days * DAY_S
        await self._all("webhook deliveries", partial(store.remove_webhook_deliveries, kept_s))
        await self._all("artifacts", partial(store.remove_artifacts, kept.artifacts_days * DAY_S))
        await self._all("abuse", partial(store.remove_abuse, kept.abuse_days * DAY_S))

    async def _all(self, what: str, remove: Callable[[int], Awaitable[int]]) -> None:
        total = 0
        for _ in range(_LONGEST_RUN):
            removed = await remove(self.batch)
            total += removed
            if removed < self.batch:
                break
            await asyncio.sleep(self.pause_s)
        if total:
            _log.info("past retention", what=what, rows=total)
