"""The text that a customer watches being written."""

from __future__ import annotations

from focal_pipeline.ports import Output


class LiveText:
    """Passes on the text of the first writer that wrote any, and of no other.

    When a model breaks off in the middle, the next one writes the whole reply anew but shows
    nothing: deltas cannot be taken back, and the committed reply is what counts.
    """

    def __init__(self, output: Output, *, wanted: bool) -> None:
        self._output = output
        self._wanted = wanted
        self._writers = 0
        self._owner = 0

    def begin(self) -> None:
        """The next writer takes over."""
        self._writers += 1

    async def add(self, text: str) -> None:
        """Show more text of the present writer."""
        self._owner = self._owner or self._writers
        if self._wanted and self._owner == self._writers:
            await self._output.text(text)
