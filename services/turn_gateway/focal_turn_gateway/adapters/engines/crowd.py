"""Watches how late turns come, and sets the pace of heavy tenants while the process cannot keep up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection

import prometheus_client as prometheus

from focal_turn_gateway.adapters.engines.places import Places
from focal_turn_gateway.domain.crowding import Crowding, Limit, Usual

_MOST_NOTICED = 1000
"""Attempts of one look at most; nobody takes them away while the watch is switched off."""


class Crowd:
    """Looks every `every_s` seconds at how late naps of `nap_s` ended and how long the pipeline took to
    notice attempts, each beside what is usual for it in `usual_s`; the worse one counts.

    One tenant alone has the process to itself. Of a tenant that wants more than its share, `waiting` sessions
    may wait while places are scarce.
    """

    def __init__(
        self,
        places: Places,
        crowding: Crowding,
        registry: prometheus.CollectorRegistry,
        *,
        nap_s: float,
        every_s: float,
        usual_s: float,
        waiting: int,
    ) -> None:
        self._places = places
        self._crowding = crowding
        self._nap_s = nap_s
        self._every_s = every_s
        self._waiting = waiting
        looks = max(1, round(usual_s / every_s))
        self._naps_usual, self._noticed_usual = Usual(looks), Usual(looks)
        self._noticed: deque[float] = deque(maxlen=_MOST_NOTICED)
        self._limit: Limit | None = None
        self._late = prometheus.Gauge(
            "focal_gateway_late_seconds",
            "By how much turns were later than usual at the last look",
            registry=registry,
        )
        self._scarce = prometheus.Gauge(
            "focal_gateway_scarce_turns",
            "Turns that heavy tenants may begin per look; 0 while there is no limit",
            registry=registry,
        )

    def crowds(self, tenant_id: str) -> bool:
        """Whether a tenant that brings a message has as many sessions waiting as it may while others need
        the room. Nobody is turned away before turns came late: the limit only has to grow to what is wanted.
        """
        self._places.want(tenant_id)
        if self._limit is None or self._limit.threshold >= self._crowding.most:
            return False
        return self._places.backlog(tenant_id) >= self._waiting

    def noticed(self, seconds: float) -> None:
        """The pipeline took so long to notice an attempt."""
        self._noticed.append(seconds)

    async def run(self) -> None:
        """Watch until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            naps: list[float] = []
            until = clock() + self._every_s
            while (began := clock()) < until:
                await asyncio.sleep(self._nap_s)
                naps.append(clock() - began - self._nap_s)
            noticed = tuple(self._noticed)
            self._noticed.clear()
            late_ms = self._naps_usual.beyond(_mean_ms(naps))
            if noticed:
                late_ms = max(late_ms, self._noticed_usual.beyond(_mean_ms(noticed)))
            self._look(late_ms)

    def _look(self, late_ms: float) -> None:
        if self._places.tenants() < 2:
            self._limit = None
        elif self._limit is None:
            self._limit = self._crowding.begin()
        else:
            self._limit = self._crowding.after(self._limit, late_ms, self._places.used_up)
        self._places.set_pace(self._limit.turns / self._every_s if self._limit else None)
        self._late.set(late_ms / 1000)
        self._scarce.set(self._limit.turns if self._limit else 0)


def _mean_ms(seconds: Collection[float]) -> float:
    return sum(seconds) / len(seconds) * 1000
