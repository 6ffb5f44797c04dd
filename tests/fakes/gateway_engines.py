"""What the PostgreSQL engine stands on, in memory: leases, presence, hints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from focal_turn_gateway import errors


class Leases:
    """Leases of one shared table. `unanswered` are sessions with messages; `others` are held elsewhere."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.others: set[str] = set()
        self.unanswered: set[str] = set()
        self.away = False
        self.claims = 0
        self.releasing = asyncio.Event()
        self.release_allowed = asyncio.Event()
        self.release_allowed.set()

    async def claim(self, session_id: str, instance: int) -> bool:
        self.claims += 1
        if self.away:
            raise errors.StoreUnavailable
        if session_id in self.others:
            return False
        self.held[session_id] = instance
        return True

    async def release(self, session_id: str, instance: int) -> bool:
        again = session_id in self.unanswered
        self.releasing.set()
        await self.release_allowed.wait()
        self.held.pop(session_id, None)
        return again

    async def abandoned(self, instance: int, draining: list[str], limit: int) -> list[tuple[str, str]]:
        if self.away:
            raise errors.StoreUnavailable
        return [("acme", each) for each in sorted(self.unanswered - set(draining) - self.others)[:limit]]


class Presence:
    """Joins as number 1 when told to, and may be lost and join again under the next number."""

    def __init__(self, *, joined: bool = True) -> None:
        self.join, self.lose = asyncio.Event(), asyncio.Event()
        self.left = False
        self._number = 0
        if joined:
            self.join.set()

    async def run(self, on_joined: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        try:
            while True:
                await self.join.wait()
                self._number += 1
                on_joined(self._number)
                await self.lose.wait()
                self.join.clear()
                self.lose.clear()
                on_lost()
        finally:
            self.left = True


class Hints:
    """Notes what is sent; `receive` brings a hint of another gateway."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.receive: Callable[[str], None] = lambda session_id: None

    async def send(self, session_id: str) -> None:
        self.sent.append(session_id)

    async def listen(self, receive: Callable[[str], None]) -> None:
        self.receive = receive
        await asyncio.Event().wait()
