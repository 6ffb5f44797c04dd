"""What waits to be written to one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Generic, TypeVar

Frame = TypeVar("Frame")


class Frames(Generic[Frame]):
    """A bounded queue between the tasks of a stream and its one writer: a slow reader makes them wait.

    `end` may be called at any time and any number of times; what is queued by then is still written.
    """

    def __init__(self, size: int) -> None:
        self._room = asyncio.Semaphore(size)
        self._queue: asyncio.Queue[Frame | _End] = asyncio.Queue()

    async def put(self, frame: Frame) -> None:
        """Queue a frame, waiting while `size` frames are queued."""
        await self._room.acquire()
        self._queue.put_nowait(frame)

    def end(self, failure: Exception | None = None) -> None:
        """End the stream behind what is queued; with a `failure` it ends by raising it."""
        self._queue.put_nowait(_End(failure))

    def fed_by(self, source: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task that puts frames; when it fails, the stream ends with its failure instead of waiting."""
        task = asyncio.get_running_loop().create_task(source, name=name)
        task.add_done_callback(self._ended)
        return task

    async def written(self) -> AsyncGenerator[Frame, None]:
        """Frames in order until the end. Raises what the stream failed with."""
        while not isinstance(frame := await self._queue.get(), _End):
            self._room.release()
            yield frame
        if frame.failure is not None:
            raise frame.failure

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        failure = task.exception()
        if failure is not None:
            self.end(failure if isinstance(failure, Exception) else RuntimeError(str(failure)))


class _End:
    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure
