"""Meters that remember what was counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from focal_toolbox.domain.doubt import Finding
from focal_toolbox.domain.effect import State
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Status


@dataclass
class CountingReportMeter:
    """A ReportMeter that remembers."""

    reports: list[State | None] = field(default_factory=list)
    missing: int = 0
    buried: list[str] = field(default_factory=list)
    backlog: int = 0
    dropped: int = 0

    def reported(self, state: State | None) -> None:
        self.reports.append(state)

    def dead_letter(self, reason: str) -> None:
        self.buried.append(reason)

    def unreported(self, effects: int) -> None:
        self.missing += effects

    def follow_ups(self, waiting: int) -> None:
        self.backlog = waiting

    def follow_up_dropped(self) -> None:
        self.dropped += 1


@dataclass
class CountingMeter:
    """A Meter that remembers."""

    executions: list[tuple[Policy | None, Status]] = field(default_factory=list)
    effects: list[State] = field(default_factory=list)
    orphans: int = 0
    findings: list[Finding] = field(default_factory=list)

    def executed(self, tenant_id: str, policy: Policy | None, status: Status, seconds: float) -> None:
        self.executions.append((policy, status))

    def side_effect(self, tenant_id: str, policy: Policy, state: State) -> None:
        self.effects.append(state)

    def orphaned(self, effects: int) -> None:
        self.orphans += effects

    def checked(self, tenant_id: str, finding: Finding) -> None:
        self.findings.append(finding)
