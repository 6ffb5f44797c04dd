"""Whether calls to a host that fails are worth sending.

    CLOSED ── failures reach the threshold and the share within the window ──► OPEN
       ▲                                                                        │ after a while
       └───── a trial succeeds ◄── HALF_OPEN ◄──────────────────────────────────┘
                                       └───── it fails ──► OPEN again

Times are seconds of any clock that does not go back.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass


class Position(enum.StrEnum):
    """Where a circuit stands."""

    CLOSED = "CLOSED"
    """Calls go through and are watched."""
    OPEN = "OPEN"
    """Calls are refused."""
    HALF_OPEN = "HALF_OPEN"
    """A few calls go through, to try."""


@dataclass(frozen=True, slots=True)
class Rules:
    """It opens at `failures` failures within `window_s` that are at least `share` of the answers then, for
    `open_s`; `trials` calls at once may try after that.
    """

    failures: int = 5
    share: float = 0.5
    window_s: float = 30.0
    open_s: float = 10.0
    trials: int = 1


class Circuit:
    """The circuit of one host."""

    def __init__(self, rules: Rules) -> None:
        self.position = Position.CLOSED
        self._rules = rules
        self._answers: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._opened_at = 0.0
        self._trying = 0

    def closed_for(self, now: float) -> float:
        """Seconds for which no call may be sent, 0 when one may be."""
        if self.position is Position.CLOSED:
            return 0.0
        if self.position is Position.HALF_OPEN:
            return self._rules.open_s if self._trying >= self._rules.trials else 0.0
        return max(0.0, self._opened_at + self._rules.open_s - now)

    def begin(self, now: float) -> bool:
        """A call that may be sent begins; returns whether it is a trial, which ends by `answered` or
        `abandoned`.
        """
        if self.position is Position.OPEN and not self.closed_for(now):
            self.position = Position.HALF_OPEN
            self._trying = 0
        if self.position is not Position.HALF_OPEN:
            return False
        self._trying += 1
        return True

    def answered(self, now: float, *, failed: bool, trial: bool) -> None:
        """A request ended. While the circuit is open only trials count: the others left before it opened."""
        if self.position is Position.CLOSED:
            self._watch(now, failed)
        elif self.position is Position.HALF_OPEN and trial:
            self._trying -= 1
            if failed:
                self._open(now)
            else:
                self.position = Position.CLOSED

    def abandoned(self) -> None:
        """A trial ended without a word from the host."""
        if self.position is Position.HALF_OPEN:
            self._trying -= 1

    def _watch(self, now: float, failed: bool) -> None:
        self._answers.append((now, failed))
        self._failures += failed
        while self._answers[0][0] <= now - self._rules.window_s:
            self._failures -= self._answers.popleft()[1]
        enough = self._failures >= max(self._rules.failures, self._rules.share * len(self._answers))
        if failed and enough:
            self._open(now)

    def _open(self, now: float) -> None:
        self.position = Position.OPEN
        self._opened_at = now
        self._answers.clear()
        self._failures = 0
