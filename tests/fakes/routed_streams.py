"""In-memory twin of the gateway's port to the router's streams."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from focal_turn_gateway import errors
from focal_turn_gateway.domain.routed import Entry, Route
from focal_turn_gateway.ports.router import Taken


class Streams:
    """`RoutedStreams` over lists: `entries` by route, `taken` counts those read as new; a lease lasts until
    `evict`. `settled` and `buried` note what became of entries.
    """

    def __init__(self) -> None:
        self.entries: dict[Route, list[Entry]] = {}
        self.taken: dict[Route, int] = {}
        self.readers: dict[Route, str] = {}
        self.settled: list[str] = []
        self.buried: dict[str, str] = {}
        self.away = False

    def write(self, route: Route, *entries: Entry) -> None:
        self.entries.setdefault(route, []).extend(entries)

    def evict(self, route: Route, token: str = "") -> None:
        """Let `token` be the reader, or nobody."""
        self.readers[route] = token

    async def discover(self) -> set[Route]:
        self._check()
        return set(self.entries)

    async def acquire(self, route: Route, token: str) -> bool:
        self._check()
        if self.readers.get(route):
            return False
        self.readers[route] = token
        return True

    async def read(self, route: Route, token: str, after: str | None, count: int) -> Taken:
        self._check()
        await asyncio.sleep(0)
        if self.readers.get(route) != token:
            raise errors.StreamLost("another reads")
        known = self.entries[route]
        taken = self.taken.get(route, 0)
        if after is None:
            found = known[taken : taken + count]
            self.taken[route] = taken + len(found)
        else:
            open_ = [entry for entry in known[:taken] if not self._done(entry)]
            found = [entry for entry in open_ if _order(entry.entry_id) > _order(after)][:count]
        return Taken(found, known[-1].entry_id if known else "0-0")

    async def arrivals(self, positions: Mapping[Route, str], timeout_s: float) -> set[Route]:
        self._check()
        await asyncio.sleep(0.001)
        return {
            route
            for route, position in positions.items()
            if self.entries[route] and _order(self.entries[route][-1].entry_id) > _order(position)
        }

    async def done(self, route: Route, entry_id: str) -> None:
        self._check()
        self.settled.append(entry_id)

    async def bury(self, route: Route, entry: Entry, reason: str, detail: str) -> None:
        self._check()
        self.buried[entry.entry_id] = reason

    async def release(self, route: Route, token: str) -> None:
        self._check()
        if self.readers.get(route) == token:
            self.readers[route] = ""

    def _done(self, entry: Entry) -> bool:
        return entry.entry_id in self.settled or entry.entry_id in self.buried

    def _check(self) -> None:
        if self.away:
            raise errors.StreamsAway("away")


def _order(entry_id: str) -> tuple[int, int]:
    millis, _, count = entry_id.partition("-")
    return int(millis), int(count or 0)
