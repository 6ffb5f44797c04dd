"""Looks again and again for effects whose report did not come in time."""

from __future__ import annotations

from focal_service_kit import logging
from focal_toolbox.core import rounds
from focal_toolbox.ports.meter import ReportMeter
from focal_toolbox.ports.reports import Reports

_log = logging.get("reports")


class Expiry:
    """One look every `interval_s` seconds ± 25 %."""

    def __init__(self, reports: Reports, meter: ReportMeter, interval_s: float) -> None:
        self._reports = reports
        self._meter = meter
        self._interval_s = interval_s

    async def run(self) -> None:
        """Look until cancelled; a ledger that is away is tried again."""
        await rounds.repeat("missing reports", self._interval_s, self.once)

    async def once(self) -> int:
        """One look; returns how many effects went IN_DOUBT."""
        found = await self._reports.doubt_unreported()
        if found:
            self._meter.unreported(found)
            _log.warning("effects were not reported in time and are in doubt", effects=found)
        return found
