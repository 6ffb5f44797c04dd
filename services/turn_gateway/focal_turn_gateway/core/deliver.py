"""Deliver the outbox: one worker per destination, each row once wherever the destination knows its key."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from focal_service_kit import logging
from focal_turn_gateway import errors
from focal_turn_gateway.ports.delivery import ClaimedRow, Destination, Outbox

_TRIES_TOGETHER = 3

_log = logging.get("deliver")


@dataclass(frozen=True, slots=True)
class Deliver:
    """Pauses, limits and the number of rows per claim are settings of the section `delivery`. After
    `max_attempts` a row is given up; 0 is never: a repeat does no harm.
    """

    outbox: Outbox
    name: str
    destination: Destination
    batch: int
    poll_s: float
    timeout_s: float
    retry_min_s: float
    retry_max_s: float
    max_attempts: int = 0
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look soon."""
        self.woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self.woken.clear()
            if not await self._one_batch():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.poll_s):
                        await self.woken.wait()

    async def _one_batch(self) -> bool:
        """True when there was something to deliver."""
        try:
            rows = await self.outbox.claim(self.name, self.batch)
            if rows:
                await self._deliver(rows)
        except errors.StoreUnavailable:
            return False
        return bool(rows)

    async def _deliver(self, rows: list[ClaimedRow]) -> None:
        try:
            async with asyncio.timeout(self.timeout_s):
                await self.destination.deliver(rows)
        except asyncio.CancelledError:
            # Who goes on elsewhere must not wait for the claim of a process that has stopped.
            with suppress(errors.StoreUnavailable):
                await asyncio.shield(self.outbox.postpone([row.outbox_id for row in rows], 0))
            raise
        except Exception as error:  # noqa: BLE001
            # Whatever a destination raises, its rows stay in the outbox and the other destinations go on.
            await self._failed(rows, error)
        else:
            await self.outbox.delivered([row.outbox_id for row in rows])

    async def _failed(self, rows: list[ClaimedRow], error: Exception) -> None:
        refused = isinstance(error, errors.Undeliverable)
        if len(rows) > 1 and (refused or min(row.attempts for row in rows) >= _TRIES_TOGETHER):
            # One row may spoil the batch for all: from now on each stands for itself.
            for row in rows:
                await self._deliver([row])
        elif refused:
            await self._give_up(rows[0], str(error))
        else:
            await self._postpone(rows, error)

    async def _give_up(self, row: ClaimedRow, reason: str) -> None:
        _log.error("delivery given up", destination=self.name, key=row.dedupe_key, cause=reason)
        await self.outbox.give_up(row, reason)

    async def _postpone(self, rows: list[ClaimedRow], error: Exception) -> None:
        for row in [row for row in rows if 0 < self.max_attempts <= row.attempts]:
            rows = [other for other in rows if other is not row]
            await self._give_up(row, f"{row.attempts} attempts failed, the last with {type(error).__name__}")
        if not rows:
            return
        attempts = max(row.attempts for row in rows)
        pause_s = min(self.retry_max_s, self.retry_min_s * 2.0 ** min(attempts - 1, 30))
        _log.warning(
            "delivery postponed",
            destination=self.name,
            rows=len(rows),
            pause_s=pause_s,
            cause=type(error).__name__,
        )
        await self.outbox.postpone([row.outbox_id for row in rows], pause_s)
