"""Finish a long window early: half-way through, ask a model whether the customer has said it all."""

from __future__ import annotations

from dataclasses import dataclass

from focal_service_kit import logging
from focal_turn_gateway.ports.accumulation import InputJudge, OpenWindow, OpenWindows
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.turns import Wait

_log = logging.get("accumulate")


@dataclass(slots=True)
class Asked:
    """What one drain has asked about: the number of the latest message; each is judged once."""

    sequence: int = 0


@dataclass(frozen=True, slots=True)
class EarlyFinish:
    """Windows longer than `over_ms` milliseconds are judged after `after_ms` or, when that is 0, after
    `after_share` of them; above `confidence` (0 to 1) a complete input ends the wait.
    """

    windows: OpenWindows
    judge: InputJudge
    over_ms: float
    after_share: float
    after_ms: float
    confidence: float

    def in_s(self, wait: Wait, asked: Asked) -> float | None:
        """Seconds until the question is due; None when it is not to be asked."""
        window = wait.window
        if window.pause_ms <= self.over_ms or window.typing or asked.sequence >= window.sequence:
            return None
        elapsed_s = window.pause_ms / 1000 - wait.seconds
        after_s = (self.after_ms or window.pause_ms * self.after_share) / 1000
        return max(0.0, after_s - elapsed_s)

    async def __call__(self, hold: Hold, window: OpenWindow) -> bool:
        """Ask, and close the window if its input is complete. Raises StoreUnavailable."""
        found = await self.judge.judge(window, await self.windows.texts(hold, window))
        if found is None or not found.complete or found.confidence <= self.confidence:
            return False
        finished = await self.windows.finish(hold, window)
        if finished:
            _log.info("window finished early", session=hold.session_id, confidence=found.confidence)
        return finished
