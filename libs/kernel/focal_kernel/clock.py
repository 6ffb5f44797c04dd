"""Time as a dependency: the system's clock in a process, a clock moved by hand in a test."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What core code may ask about time."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC; it may jump when the machine's clock is set."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never run backwards; use it to measure."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until `advance`; both readings move together."""

    def __init__(self, start: datetime = datetime(2025, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`; ValueError when negative."""
        if seconds < 0:
            raise ValueError("a clock does not run backwards")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
