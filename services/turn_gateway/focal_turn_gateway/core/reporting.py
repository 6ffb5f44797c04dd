"""What an attempt reports while it runs: stored in batches, and shown when it is stored."""

from __future__ import annotations

import asyncio

from focal_turn_gateway import errors
from focal_turn_gateway.domain.events import Event
from focal_turn_gateway.domain.turns import Attempt
from focal_turn_gateway.ports import LiveFeed, TurnStore

_AGAIN_S = 0.2
"""Pause before a store that was away is tried again."""


class Reporter:
    """Collects an attempt's events; what waits longer than `flush_s` seconds is stored by itself."""

    def __init__(self, store: TurnStore, live: LiveFeed, attempt: Attempt, flush_s: float) -> None:
        self._store = store
        self._live = live
        self._attempt = attempt
        self._flush_s = flush_s
        self._waiting: list[Event] = []
        self._arrived = asyncio.Event()
        self._storing = asyncio.Lock()

    def add(self, event: Event) -> None:
        """Note an event."""
        self._waiting.append(event)
        self._arrived.set()

    async def take(self) -> list[Event]:
        """What waits, to be stored with the caller's own step and therefore in order."""
        async with self._storing:
            return self._drain()

    async def run(self) -> None:
        """Store what waits until cancelled. Raises AttemptLost."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(self._flush_s)
            # A store that was cancelled half-way may have happened; let it finish, so that nothing is stored
            # twice.
            await asyncio.shield(self._flush())

    async def _flush(self) -> None:
        async with self._storing:
            taken = self._drain()
            if not taken:
                return
            try:
                await self._store.record_events(self._attempt, taken)
            except errors.StoreUnavailable:
                self._waiting = taken + self._waiting
                self._arrived.set()
                await asyncio.sleep(_AGAIN_S)
                return
        self._live.hint(self._attempt.session_id)

    def _drain(self) -> list[Event]:
        self._arrived.clear()
        taken, self._waiting = self._waiting, []
        return taken
