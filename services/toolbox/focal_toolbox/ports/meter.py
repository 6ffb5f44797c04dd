"""What is counted."""

from __future__ import annotations

from typing import Protocol

from focal_toolbox.domain.doubt import Finding
from focal_toolbox.domain.effect import State
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Status


class Meter(Protocol):
    """Counts what the toolbox does."""

    def executed(self, tenant_id: str, policy: Policy | None, status: Status, seconds: float) -> None:
        """A call ended after `seconds`; `policy` is None when its tool is unknown."""

    def side_effect(self, tenant_id: str, policy: Policy, state: State) -> None:
        """An effect reached its end in this process."""

    def orphaned(self, effects: int) -> None:
        """Reservations of lost processes went IN_DOUBT."""

    def checked(self, tenant_id: str, finding: Finding) -> None:
        """A provider was asked what became of an effect in doubt."""


class ReportMeter(Protocol):
    """Counts what becomes of results that are reported later."""

    def reported(self, state: State | None) -> None:
        """A report arrived; None when its token was not good for it."""

    def dead_letter(self, reason: str) -> None:
        """A report that came through a queue was buried."""

    def unreported(self, effects: int) -> None:
        """Effects went IN_DOUBT because nobody reported in time."""

    def follow_ups(self, waiting: int) -> None:
        """So many follow-up turns are to be opened, over all toolboxes."""

    def follow_up_dropped(self) -> None:
        """A follow-up turn was given up: its session has gone or ended."""
