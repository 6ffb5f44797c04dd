"""Open streams of this process, and how they learn that it drains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from focal.turn.v1 import turn_gateway_service_pb2 as pb


class Streams:
    """Knows every open stream; `time_left_s` is what clients are told when the process drains."""

    def __init__(self, time_left_s: float) -> None:
        self.draining = False
        self._time_left_s = time_left_s
        self._ends: set[Callable[[], None]] = set()

    @contextmanager
    def open(self, end: Callable[[], None]) -> Iterator[None]:
        """A stream that `end` ends soon; called once when the process drains, at once if it does already."""
        if self.draining:
            end()
        self._ends.add(end)
        try:
            yield
        finally:
            self._ends.discard(end)

    async def drain(self) -> None:
        """Ask all streams to end, now and from now on."""
        self.draining = True
        for end in self._ends:
            end()

    def go_away(self, resume_offset: int) -> pb.GoAway:
        """The frame that says so."""
        frame = pb.GoAway(resume_offset=resume_offset)
        frame.time_left.FromMilliseconds(int(self._time_left_s * 1000))
        return frame
