"""How long a turn waits for the rest of what the customer is writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from focal_turn_gateway.domain import channels


class Mode(StrEnum):
    """OFF answers at once, FIXED waits the same on every channel, CHANNEL waits the channel's base."""

    OFF = "off"
    FIXED = "fixed"
    CHANNEL = "channel"


class AggregationReason(StrEnum):
    """Why accumulation stopped."""

    TIMEOUT = "TIMEOUT"
    CHANNEL = "CHANNEL"
    OFF = "OFF"
    MAX_WAIT = "MAX_WAIT"


@dataclass(frozen=True, slots=True)
class Window:
    """A pause in milliseconds, and why accumulation stops when it passes without another message."""

    pause_ms: int
    reason: AggregationReason


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """The pause after a message that ends a turn.

    `fixed_ms` counts in mode FIXED; `base_ms` overrides the channel's base in mode CHANNEL; `max_wait_ms`
    bounds the wait from the first unanswered message on, however much the customer keeps writing. All in
    milliseconds.
    """

    mode: Mode
    fixed_ms: int
    max_wait_ms: int
    base_ms: Mapping[str, int]

    def window(self, channel: str) -> Window:
        """The pause after the latest message on `channel`; 0 ms answers at once."""
        if self.mode is Mode.OFF:
            return Window(0, AggregationReason.OFF)
        if self.mode is Mode.FIXED:
            return Window(self.fixed_ms, AggregationReason.TIMEOUT)
        pause = self.base_ms.get(channel, channels.BASE_WINDOW_MS[channel])
        return Window(pause, AggregationReason.TIMEOUT if pause else AggregationReason.CHANNEL)
