"""What an attempt reports while it runs: stored in batches, and shown when it is stored.

Artifacts that nobody waits for travel with the batches: a turn that is over before the first of them stores
none, and none delays its reply.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

from focal_turn_gateway import errors
from focal_turn_gateway.domain.event_names import Refusal
from focal_turn_gateway.domain.events import Dropped, Event, EventsDropped
from focal_turn_gateway.domain.turns import Artifact, Attempt
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.turns import TurnStore

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
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._artifacts: dict[str, Artifact] = {}
        self._arrived = asyncio.Event()
        self._storing = asyncio.Lock()

    def add(self, event: Event) -> None:
        """Note an event."""
        self._waiting.append(event)
        self._arrived.set()

    def drop(self, category: str, reason: Refusal) -> None:
        """Note that an event is not stored."""
        self._dropped[category, reason.value] += 1

    def keep(self, artifact: Artifact) -> None:
        """Note an artifact that nobody waits for; of one name the latest counts."""
        self._artifacts[artifact.name] = artifact
        self._arrived.set()

    async def rescue(self) -> None:
        """Store the artifacts that still wait: another attempt or turn follows. What cannot be stored is
        lost, and costs that one its time again.
        """
        async with self._storing:
            with suppress(errors.AttemptLost, errors.StoreUnavailable):
                await self._store_artifacts()

    async def take(self, *, last: bool = False) -> list[Event]:
        """What waits, to be stored with the caller's own step and therefore in order; the `last` time with a
        word about what was dropped, one event however much it was.
        """
        async with self._storing:
            return self._drain() + (self._summary() if last else [])

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
            try:
                await self._store_artifacts()
                if not taken:
                    return
                await self._store.record_events(self._attempt, taken)
            except errors.StoreUnavailable:
                self._waiting = taken + self._waiting
                self._arrived.set()
                await asyncio.sleep(_AGAIN_S)
                return
        self._live.hint(self._attempt.session_id)

    async def _store_artifacts(self) -> None:
        while self._artifacts:
            name = next(iter(self._artifacts))
            await self._store.store_artifact(self._attempt, self._artifacts[name])
            del self._artifacts[name]

    def _drain(self) -> list[Event]:
        self._arrived.clear()
        taken, self._waiting = self._waiting, []
        return taken

    def _summary(self) -> list[Event]:
        if not self._dropped:
            return []
        dropped = tuple(Dropped(*what, count) for what, count in sorted(self._dropped.items()))
        self._dropped.clear()
        return [Event(EventsDropped(dropped), self._attempt.turn_id, self._attempt.attempt)]
