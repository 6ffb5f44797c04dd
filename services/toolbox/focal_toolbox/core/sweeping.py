"""Looks again and again for reservations whose process is gone.

Every toolbox sweeps: a sweep leader that is frozen would stop all healing.
"""

from __future__ import annotations

from focal_service_kit import logging
from focal_toolbox.core import rounds
from focal_toolbox.ports.ledger import EffectLedger
from focal_toolbox.ports.meter import Meter

_log = logging.get("sweep")


class Sweep:
    """One sweep every `interval_s` seconds ± 25 %."""

    def __init__(self, ledger: EffectLedger, meter: Meter, interval_s: float) -> None:
        self._ledger = ledger
        self._meter = meter
        self._interval_s = interval_s

    async def run(self) -> None:
        """Sweep until cancelled; a ledger that is away is tried again."""
        await rounds.repeat("sweep", self._interval_s, self.once)

    async def once(self) -> int:
        """One sweep; returns how many effects went IN_DOUBT."""
        found = await self._ledger.doubt_orphans()
        if found:
            self._meter.orphaned(found)
            _log.warning("effects of lost processes are in doubt", effects=found)
        return found
