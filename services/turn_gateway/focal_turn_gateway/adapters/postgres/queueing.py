"""Statements that lock the same row wait here, one after the other, before they take a connection.

They would wait for one another in the database too, but each with a connection of the pool in hand: a burst
into one session would keep all other sessions from the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class OneByOne:
    """Lets the holders of a key through in their order; keys that nobody holds cost nothing."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for those that came before."""
        lock, holders = self._locks.get(key) or (asyncio.Lock(), 0)
        self._locks[key] = lock, holders + 1
        try:
            async with lock:
                yield
        finally:
            lock, holders = self._locks.pop(key)
            if holders > 1:
                self._locks[key] = lock, holders - 1
