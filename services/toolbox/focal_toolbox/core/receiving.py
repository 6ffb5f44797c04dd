"""Records reports that come through a queue, and buries those that never can be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from focal_kernel.errors import NotFound, Unavailable
from focal_service_kit import logging
from focal_toolbox import errors
from focal_toolbox.core.reporting import Reporting
from focal_toolbox.domain.report import Report
from focal_toolbox.ports.meter import ReportMeter
from focal_toolbox.ports.reports import Arrival, ReportQueue

UNFORESEEN = "INTERNAL_ERROR"

_log = logging.get("receiving")


class Receiving:
    """`read` finds token and report in an envelope or raises BadRequest; after a failure to reach the queue
    or the ledger come `pause_s` seconds of rest.
    """

    def __init__(
        self,
        queue: ReportQueue,
        read: Callable[[bytes], tuple[str, Report]],
        reporting: Reporting,
        meter: ReportMeter,
        pause_s: float,
    ) -> None:
        self._queue = queue
        self._read = read
        self._reporting = reporting
        self._meter = meter
        self._pause_s = pause_s

    async def run(self) -> None:
        """Receive until cancelled."""
        while True:
            try:
                await self.once()
            except Unavailable as away:
                _log.warning("reports wait in their queue", error=away.message)
                await asyncio.sleep(self._pause_s)

    async def once(self) -> int:
        """Record what has come; returns how many reports there were. What the ledger cannot take now is left
        unsettled and comes again."""
        arrivals = await self._queue.take()
        for arrival in arrivals:
            await self._record(arrival)
        return len(arrivals)

    async def _record(self, arrival: Arrival) -> None:
        try:
            await self._reporting.report(*self._read(arrival.envelope))
        except (errors.BadRequest, NotFound) as refusal:
            await self._bury(arrival, refusal.reason, refusal.message)
        except Unavailable:
            raise
        except Exception as failure:  # noqa: BLE001 - one report must not hold up those behind it
            _log.error("report cannot be recorded", entry=arrival.entry_id, exc_info=failure)
            await self._bury(arrival, UNFORESEEN, "see the toolbox's log")
        else:
            await self._queue.settle(arrival)

    async def _bury(self, arrival: Arrival, reason: str, detail: str) -> None:
        _log.warning("report buried", entry=arrival.entry_id, reason=reason)
        self._meter.dead_letter(reason)
        await self._queue.bury(arrival, reason, detail)
