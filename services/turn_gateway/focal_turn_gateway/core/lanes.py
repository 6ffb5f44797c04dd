"""Work side by side, in order within a lane."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from focal_service_kit import tasks

T = TypeVar("T")


class Lanes(Generic[T]):
    """Each item is worked on once the one before it in its lane is done; a failure stops its lane.

    `waiting` counts the items that are not done, `moved` is set whenever that changes.
    """

    def __init__(self, work: Callable[[T], Awaitable[None]]) -> None:
        self.waiting = 0
        self.moved = asyncio.Event()
        self._work = work
        self._queues: dict[Hashable, deque[T]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._failure: Exception | None = None

    def add(self, lane: Hashable, item: T) -> None:
        """Queue an item; never waits."""
        self.waiting += 1
        if (queue := self._queues.get(lane)) is not None:
            queue.append(item)
            return
        self._queues[lane] = deque((item,))
        task = asyncio.create_task(self._drain(lane), name=f"lane {lane}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def check(self) -> None:
        """Raise what stopped a lane."""
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """End all lanes where they are."""
        await tasks.cancel(list(self._running))

    async def _drain(self, lane: Hashable) -> None:
        queue = self._queues[lane]
        while queue:
            try:
                await self._work(queue[0])
            except Exception as failure:  # noqa: BLE001 - raised by `check`
                self._failure = failure
                self.moved.set()
                return
            queue.popleft()
            self.waiting -= 1
            self.moved.set()
        del self._queues[lane]
