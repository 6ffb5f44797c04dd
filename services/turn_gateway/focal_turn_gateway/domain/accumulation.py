"""How long a turn waits for the rest of what the customer is writing: the values, and the policies that
judge nothing. `adaptive` has the one that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """OFF answers at once, FIXED waits the same on every channel, ADAPTIVE judges each message."""

    OFF = "off"
    FIXED = "fixed"
    ADAPTIVE = "adaptive"


class AggregationReason(StrEnum):
    """Why accumulation stopped."""

    TIMEOUT = "TIMEOUT"
    ADAPTIVE = "ADAPTIVE"
    CHANNEL = "CHANNEL"
    PIPELINE_HINT = "PIPELINE_HINT"
    OFF = "OFF"
    MAX_WAIT = "MAX_WAIT"


@dataclass(frozen=True, slots=True)
class Window:
    """A pause in milliseconds, and why accumulation stops when it passes without another message."""

    pause_ms: int
    reason: AggregationReason


@dataclass(frozen=True, slots=True)
class Hint:
    """What the latest committed turn expects of the next message."""

    awaiting_required_field: bool = False
    expects_followup: bool = False
    input_complete_confidence: float = 0.0
    expected_input_type: str = ""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is known of a customer's writing when a message comes in.

    `gaps_ms`: the customer's latest pauses between messages of one beat, oldest first. `earlier`: the latest
    texts that wait in the same window, oldest first, each cut short. `earlier_count`: how many wait there.
    """

    gaps_ms: tuple[int, ...] = ()
    earlier: tuple[str, ...] = ()
    earlier_count: int = 0
    hint: Hint = Hint()


@dataclass(frozen=True, slots=True)
class Situation:
    """What a window is decided on: the latest text, the channel's base pause in milliseconds (0: the channel
    brings whole turns), and what is known of the customer.
    """

    text: str
    base_ms: int
    rhythm: Rhythm = Rhythm()

    @property
    def position(self) -> int:
        """Position of the latest message in its window, from 1."""
        return self.rhythm.earlier_count + 1


@dataclass(frozen=True, slots=True)
class Off:
    """Answers at once."""

    def reads_rhythm(self, base_ms: int) -> bool:
        """Never."""
        return False

    def window(self, situation: Situation) -> Window:
        """No pause."""
        return Window(0, AggregationReason.OFF)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Waits `pause_ms` milliseconds after every message, on every channel."""

    pause_ms: int

    def reads_rhythm(self, base_ms: int) -> bool:
        """Never."""
        return False

    def window(self, situation: Situation) -> Window:
        """The same pause always."""
        return Window(self.pause_ms, AggregationReason.TIMEOUT)
