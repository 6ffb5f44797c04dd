"""The text that a customer watches being written."""

from __future__ import annotations

from collections.abc import Callable

from focal_pipeline.ports import Output


class LiveText:
    """Passes on the text of the first writer that showed any, and of no other.

    When a model breaks off in the middle, the next one writes the whole reply anew but shows
    nothing: deltas cannot be taken back, and the committed reply is what counts.

    Text is shown at most once in `pause_s` seconds (by `now`, a monotonic clock): every delta costs each
    hop up to the screen, and nobody reads faster.
    """

    def __init__(self, output: Output, *, wanted: bool, pause_s: float, now: Callable[[], float]) -> None:
        self._output = output
        self._wanted = wanted
        self._pause_s = pause_s
        self._now = now
        self._writers = 0
        self._owner = 0
        self._held = ""
        self._due_at = float("-inf")
        self.written = 0
        """Characters that the present writer has written so far."""

    def begin(self) -> None:
        """The next writer takes over; what the last one has not shown yet never is."""
        self._writers += 1
        self._held = ""
        self.written = 0

    async def add(self, text: str) -> None:
        """Show more text of the present writer, now or with what follows."""
        self._held += text
        self.written += len(text)
        if self._now() >= self._due_at:
            await self.end()

    async def end(self) -> None:
        """Show what is held: the present writer pauses or has finished."""
        text, self._held = self._held, ""
        if not (text and self._wanted):
            return
        self._owner = self._owner or self._writers
        if self._owner == self._writers:
            self._due_at = self._now() + self._pause_s
            await self._output.text(text)
