"""Open streams of this process, and how they learn that it drains."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from focal.turn.v1 import turn_gateway_service_pb2 as pb


class Streams:
    """Every open stream holds a ticket; draining makes all tickets due. `time_left_s` is what clients are
    told.
    """

    def __init__(self, time_left_s: float) -> None:
        self._time_left_s = time_left_s
        self._tickets: set[asyncio.Event] = set()
        self._draining = False

    @contextmanager
    def ticket(self) -> Iterator[asyncio.Event]:
        """An event that is set when the stream has to end."""
        due = asyncio.Event()
        if self._draining:
            due.set()
        self._tickets.add(due)
        try:
            yield due
        finally:
            self._tickets.discard(due)

    async def drain(self) -> None:
        """Ask all streams to end, now and from now on."""
        self._draining = True
        for due in self._tickets:
            due.set()

    def go_away(self, resume_offset: int) -> pb.GoAway:
        """The frame that says so."""
        frame = pb.GoAway(resume_offset=resume_offset)
        frame.time_left.FromMilliseconds(int(self._time_left_s * 1000))
        return frame
