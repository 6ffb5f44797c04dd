"""What decides how long a turn waits, and what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from focal_turn_gateway.domain.accumulation import Rhythm, Situation, Window
from focal_turn_gateway.domain.messages import Submission
from focal_turn_gateway.ports.engine import Hold


class AccumulationPolicy(Protocol):
    """Decides how long a turn waits after a message. Pure and quick: it stands before the acknowledgement."""

    def reads_rhythm(self, base_ms: int) -> bool:
        """Whether the customer's rhythm, the window's earlier texts and the last turn's hint matter on a
        channel with this base, in ms; reading them costs the acknowledgement a look-up.
        """

    def window(self, situation: Situation) -> Window:
        """The pause after the latest message; 0 ms answers at once."""


class ChannelBases(Protocol):
    """Knows the pause that a channel usually needs."""

    async def base_ms(self, tenant_id: str, agent_id: str, channel: str) -> int:
        """The base of a registered channel in milliseconds; 0 when it brings whole turns."""


class Rhythms(Protocol):
    """Knows how a customer writes."""

    async def rhythm(self, submission: Submission) -> Rhythm:
        """What is known before this message is stored. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window that is open: `pause_ms` from its latest message, which is number `sequence`, to its end;
    `typing` when signs of typing have extended it.
    """

    tenant_id: str
    agent_id: str
    config_version: int
    sequence: int
    pause_ms: float
    typing: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an input is complete, and how sure the judge is, from 0 to 1."""

    complete: bool
    confidence: float


class OpenWindows(Protocol):
    """What waits in a window, and its end."""

    async def texts(self, hold: Hold, window: OpenWindow) -> tuple[str, ...]:
        """The latest texts that wait, oldest first; at most 100. Raises StoreUnavailable."""

    async def finish(self, hold: Hold, window: OpenWindow) -> bool:
        """Close the window now; false when it has changed meanwhile. Raises StoreUnavailable."""


class InputJudge(Protocol):
    """Knows whether a customer has said what they wanted to say."""

    async def judge(self, window: OpenWindow, texts: Sequence[str]) -> Judgement | None:
        """The judgement on an open window's texts, oldest first; None when there is none in time."""
