"""Reads what a task tells while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

T = TypeVar("T")

_END: Any = object()


async def follow(task: asyncio.Task[Any], events: asyncio.Queue[T]) -> AsyncIterator[T]:
    """What `task` puts into `events`, in order, until it has ended; the task's fate is not touched."""
    task.add_done_callback(lambda _: events.put_nowait(_END))
    while (event := await events.get()) is not _END:
        yield event
