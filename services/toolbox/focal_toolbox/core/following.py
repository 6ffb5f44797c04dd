"""Reads what a task tells while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from focal_toolbox.domain.result import Event


async def follow(task: asyncio.Task[Any], events: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
    """What `task` puts into `events`, in order, until it has ended; the task's fate is not touched."""
    task.add_done_callback(lambda _: events.put_nowait(None))
    while (event := await events.get()) is not None:
        yield event
