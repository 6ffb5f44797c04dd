"""Waits a while for the report on an effect that its provider has taken on.

Either the call returns the report or a follow-up turn tells of it: the ledger decides which of the two, so
that the same news is not told twice and none is lost.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass, replace

from focal_kernel.clock import Clock
from focal_service_kit import deadlines
from focal_toolbox.core.preparing import Job
from focal_toolbox.domain import result
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.report import Share
from focal_toolbox.domain.result import Result, Status
from focal_toolbox.ports.ledger import EffectLedger
from focal_toolbox.ports.reports import Reports

MARGIN_S = 0.3
"""Kept of the caller's deadline, so that it hears STARTED instead of nothing."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a call waits for a report, and between looks at one that another process may receive."""

    wait_s: float = 5.0
    poll_s: float = 0.2


class Awaiting:
    """The waiting calls of this process."""

    def __init__(self, reports: Reports, ledger: EffectLedger, clock: Clock, patience: Patience) -> None:
        self._reports = reports
        self._ledger = ledger
        self._clock = clock
        self._patience = patience
        self._reported: dict[str, asyncio.Event] = {}

    async def accept(self, effect: Effect, more_requests: int) -> Effect:
        """Record that the provider has taken the request on; the effect as it then stands."""
        longest_s = self._patience.wait_s + MARGIN_S
        return await self._reports.accept(effect, more_requests, longest_s)

    async def settle(self, job: Job, found: Result) -> Result:
        """The result of a call that found `found`, once the report is there or the wait is over.

        A call that did not send the request itself says first that it waits as well. A later turn that only
        asks how it stands does not wait again.
        """
        effect, own = found.effect, found.attempts > 0
        if effect is None or found.status is Status.REFUSED:
            return found
        if effect.state is State.ACCEPTED:
            if effect.turn_id != job.order.attempt.turn_id:
                return found
            effect = await self._ended(effect, own=own)
        share, effect = await self._reports.take(effect)
        if found.status is not Status.STARTED and not own:
            return found
        if share is Share.TAKEN:
            return result.of_report(found, effect)
        if share is Share.LEFT or effect.state is State.ACCEPTED:
            return result.started(replace(found, effect=effect))
        return result.of_report(found, effect) if found.status is Status.STARTED else found

    def reported(self, effect_id: str) -> None:
        """Wake the call that waits here for the effect's report."""
        if waiting := self._reported.get(effect_id):
            waiting.set()

    async def _ended(self, effect: Effect, *, own: bool) -> Effect:
        wait_s = min(self._patience.wait_s, (deadlines.cap(math.inf) or 0.0) - MARGIN_S)
        if not own and wait_s > 0:
            await self._reports.wait(effect, wait_s + MARGIN_S)
        until = self._clock.monotonic() + wait_s
        reported = self._reported.setdefault(effect.effect_id, asyncio.Event())
        try:
            while not effect.ended and (left := until - self._clock.monotonic()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, self._patience.poll_s)):
                        await reported.wait()
                effect = await self._ledger.find(effect.tenant_id, effect.effect_id) or effect
        finally:
            self._reported.pop(effect.effect_id, None)
        return effect
