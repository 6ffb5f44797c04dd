"""Running tasks side by side, and ending them for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

_AGAIN_S = 0.2
"""Some clients lose a cancellation that meets their own time limit; it is repeated after so many seconds."""


async def together(**named: Coroutine[Any, Any, None]) -> None:
    """Run coroutines as tasks with these names until one of them ends or fails, then end the others.

    Unlike a task group it ends also those that lose a cancellation.
    """
    running = [asyncio.create_task(work, name=name) for name, work in named.items()]
    try:
        ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        await cancel(running)


async def cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and return when they have ended, however they end.

    A cancellation of the caller is kept until then: it must not leave them half ended.
    """
    left = set(tasks)
    interruption: asyncio.CancelledError | None = None
    while left:
        for task in left:
            task.cancel()
        try:
            await asyncio.wait(left, timeout=_AGAIN_S)
        except asyncio.CancelledError as again:
            interruption = again
        for task in (ended := {task for task in left if task.done()}):
            if not task.cancelled():
                task.exception()  # seen, so that asyncio does not report it as never retrieved
        left -= ended
    if interruption is not None:
        raise interruption
