"""Deliver to one destination that knows no keys: what may have arrived is never sent again by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from focal_service_kit import logging, tasks
from focal_turn_gateway import errors
from focal_turn_gateway.domain.deliveries import Attempted, DeliveryState, Verdict
from focal_turn_gateway.domain.webhooks import Retries
from focal_turn_gateway.ports.delivery import ClaimedRow, KeylessDestination, KeylessOutbox

_log = logging.get("deliver")


@dataclass(frozen=True, slots=True)
class DeliverKeyless:
    """`parallel` rows at once, one of each session; `hint` tells a session's followers to read its log. A row
    that a receiver may have is held in doubt, or sent again when it `resends`: then it tells repeats itself.
    """

    outbox: KeylessOutbox
    name: str
    destination: KeylessDestination
    retries: Retries
    parallel: int
    poll_s: float
    hint: Callable[[str], None]
    resends: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look soon."""
        self.woken.set()

    async def run(self) -> None:
        """Deliver until cancelled or retired."""
        flying: set[asyncio.Task[None]] = set()
        look_for_lost_at = 0.0
        try:
            while not self.stopping.is_set():
                self.woken.clear()
                if time.monotonic() >= look_for_lost_at:
                    await self._doubt_lost()
                    look_for_lost_at = time.monotonic() + self.poll_s
                taken = await self._claim(self.parallel - len(flying))
                flying |= {
                    asyncio.create_task(self._attempt(row), name=f"deliver {self.name}") for row in taken
                }
                flying = await self._something(flying)
            await asyncio.gather(*flying)
        finally:
            await tasks.cancel(flying)
            self.stopped.set()

    async def retire(self) -> None:
        """Begin nothing more and wait for what is being sent: cut off, it would be in doubt."""
        self.stopping.set()
        self.woken.set()
        await self.stopped.wait()

    async def _doubt_lost(self) -> None:
        with suppress(errors.StoreUnavailable):
            for session_id in await self.outbox.doubt_lost():
                _log.error("delivery in doubt", destination=self.name, session=session_id, cause="lost")
                self.hint(session_id)

    async def _claim(self, room: int) -> list[ClaimedRow]:
        if room <= 0:
            return []
        try:
            return await self.outbox.claim(self.name, room)
        except errors.StoreUnavailable:
            return []

    async def _something(self, flying: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """What still flies once one has landed, there is something new, or it is time to look."""
        wake = asyncio.create_task(self.woken.wait(), name="woken")
        try:
            await asyncio.wait({*flying, wake}, timeout=self.poll_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.cancel([wake])
        for task in flying:
            if task.done():
                task.result()
        return {task for task in flying if not task.done()}

    async def _attempt(self, row: ClaimedRow) -> None:
        try:
            attempted = await self.destination.send(row, lambda: self._begin(row))
            await self._note(row, attempted)
        except errors.ClaimLost:
            _log.info("delivery is somebody else's", destination=self.name, key=row.dedupe_key)
        except errors.StoreUnavailable:
            # Before the first byte nothing was sent; after it, the lapsing claim says that nobody knows.
            _log.warning("delivery not noted", destination=self.name, key=row.dedupe_key)

    async def _begin(self, row: ClaimedRow) -> None:
        if not self.resends:
            await self.outbox.begin(row)

    async def _note(self, row: ClaimedRow, attempted: Attempted) -> None:
        match attempted.verdict:
            case Verdict.TAKEN:
                await self._settle(row, DeliveryState.DELIVERED, "")
            case Verdict.REFUSED:
                await self._settle(row, DeliveryState.FAILED, attempted.reason)
            case Verdict.UNKNOWN if not self.resends:
                await self._settle(row, DeliveryState.IN_DOUBT, attempted.reason)
            case _:
                await self._again(row, attempted)

    async def _again(self, row: ClaimedRow, attempted: Attempted) -> None:
        pause_s = self.retries.pause_s(row.attempts)
        if pause_s is not None:
            await self.outbox.postpone(row, attempted.reason, pause_s)
            return
        unknown = attempted.verdict is Verdict.UNKNOWN
        state = DeliveryState.IN_DOUBT if unknown else DeliveryState.FAILED
        await self._settle(row, state, f"{row.attempts} attempts failed, the last because {attempted.reason}")

    async def _settle(self, row: ClaimedRow, state: DeliveryState, reason: str) -> None:
        noted = await self.outbox.settle(row, state, reason)
        if noted and state is not DeliveryState.DELIVERED:
            _log.error("delivery " + state.value, destination=self.name, key=row.dedupe_key, cause=reason)
            self.hint(row.session_id)
