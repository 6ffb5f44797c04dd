"""A cache in which many who miss the same key at once wait for one fetch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, MutableMapping
from typing import Generic, TypeVar

from focal_service_kit import deadlines

T = TypeVar("T")


class Once(Generic[T]):
    """Keeps what was fetched in `kept`. Failures are not kept."""

    def __init__(self, kept: MutableMapping[Hashable, T]) -> None:
        self._kept = kept
        self._fetching: dict[Hashable, asyncio.Task[T]] = {}

    async def get(self, key: Hashable, fetch: Callable[[], Awaitable[T]]) -> T:
        """What is kept, or what `fetch` gives or raises."""
        found = self._kept.get(key)
        if found is not None:
            return found
        task = self._fetching.get(key)
        if task is None:
            # Detached: the fetch serves all who wait, whatever the first one's deadline is.
            task = asyncio.get_running_loop().create_task(
                self._fill(key, fetch), name=f"fetch {key}", context=deadlines.detached()
            )
            task.add_done_callback(_seen)
            self._fetching[key] = task
        return await asyncio.shield(task)

    async def _fill(self, key: Hashable, fetch: Callable[[], Awaitable[T]]) -> T:
        try:
            found = await fetch()
            self._kept[key] = found
            return found
        finally:
            del self._fetching[key]


def _seen(task: asyncio.Task[T]) -> None:
    """All who waited may have left; a failure is then nobody's news."""
    if not task.cancelled():
        task.exception()
