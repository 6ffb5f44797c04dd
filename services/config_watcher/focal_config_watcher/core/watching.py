"""The pointers this process knows, and the readers who follow them.

A reader that is slow keeps only the newest pointer of each agent, so its memory is bounded by the
number of agents, and what it misses is only what was outdated anyway.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from focal_config_watcher import errors
from focal_config_watcher.domain.version import AgentKey, Pointer


class Watch:
    """One reader. `tenant_id` is empty for a reader of all tenants."""

    def __init__(self, tenant_id: str) -> None:
        self._tenant_id = tenant_id
        self._pending: dict[AgentKey, Pointer] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def sees(self, pointer: Pointer) -> bool:
        """Whether the pointer is any of this reader's business."""
        return self._tenant_id in ("", pointer.key.tenant_id)

    def offer(self, pointer: Pointer) -> None:
        """Hand over a pointer; it replaces an older one of the same agent."""
        if self.sees(pointer):
            self._pending[pointer.key] = pointer
            self._wake.set()

    def close(self) -> None:
        """End the reader's stream once it has taken what is pending."""
        self._closed = True
        self._wake.set()

    async def changes(self) -> AsyncIterator[Pointer]:
        """Pointers as they move, until closed."""
        while True:
            while self._pending:
                yield self._pending.pop(next(iter(self._pending)))
            if self._closed:
                return
            self._wake.clear()
            await self._wake.wait()


class Pointers:
    """What is known of all agents' pointers; only newer ones replace what is known."""

    def __init__(self) -> None:
        self._known: dict[AgentKey, Pointer] = {}
        self._watches: set[Watch] = set()
        self._loaded = False
        self._closed = False

    def load(self, pointers: list[Pointer]) -> None:
        """Notice all pointers of the database."""
        for pointer in pointers:
            self.notice(pointer)
        self._loaded = True

    def notice(self, pointer: Pointer) -> None:
        """Take note of a pointer, and pass it on when it is news."""
        known = self._known.get(pointer.key)
        if known is not None and known.moves >= pointer.moves:
            return
        self._known[pointer.key] = pointer
        for watch in self._watches:
            watch.offer(pointer)

    @contextmanager
    def follow(self, tenant_id: str) -> Iterator[tuple[list[Pointer], Watch]]:
        """All pointers of now, and a watch that misses nothing after them.

        Unavailable until the pointers were loaded once.
        """
        if not self._loaded:
            raise errors.not_loaded()
        watch = Watch(tenant_id)
        if self._closed:
            watch.close()
        self._watches.add(watch)
        try:
            yield [pointer for pointer in self._known.values() if watch.sees(pointer)], watch
        finally:
            self._watches.discard(watch)

    async def close(self) -> None:
        """End all readers' streams; the process is draining."""
        self._closed = True
        for watch in self._watches:
            watch.close()
