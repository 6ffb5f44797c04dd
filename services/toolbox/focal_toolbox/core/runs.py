"""Work that outlives its caller: an effect once begun is carried through and recorded.

Every run has a name, is awaited when the process drains and is logged when it fails unseen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from focal_service_kit import deadlines, logging

T = TypeVar("T")

_log = logging.get("runs")


class Runs:
    """The runs of this process, and who waits here for their end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ends: dict[str, asyncio.Event] = {}

    def start(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin `work` in a context of its own: no deadline and no cancellation of the caller's."""
        task = asyncio.get_running_loop().create_task(work, name=name, context=deadlines.detached())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def begin(self, effect_id: str) -> None:
        """Note that this process carries out an effect."""
        self._ends[effect_id] = asyncio.Event()

    def end(self, effect_id: str) -> None:
        """Wake those who wait for the effect."""
        if ended := self._ends.pop(effect_id, None):
            ended.set()

    async def ended(self, effect_id: str, poll_s: float, at_most_s: float) -> None:
        """Wait until this process has ended the effect, `at_most_s` seconds at the longest.

        An effect of another process is unknown here: that is a pause of `poll_s` seconds.
        """
        running = self._ends.get(effect_id)
        if running is None:
            await asyncio.sleep(poll_s)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await running.wait()

    async def drain(self, within_s: float) -> None:
        """Wait for all runs; those that take longer are cancelled and record their doubt."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=within_s)
        for task in late:
            _log.warning("run cancelled by the drain", run=task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            _log.warning("run failed", run=task.get_name(), error=repr(failure))
