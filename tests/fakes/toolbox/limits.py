"""The toolbox's limits for tests that are not about them, and their meter's twin."""

from __future__ import annotations

from dataclasses import dataclass, field

from focal_kernel.clock import Clock, SystemClock
from focal_toolbox.core import berths
from focal_toolbox.core.admission import Admission, Permit
from focal_toolbox.core.berths import Berths
from focal_toolbox.domain.circuit import Position, Rules


@dataclass
class SameCap:
    """A TenantCaps."""

    cap: int = 100

    def of(self, tenant_id: str) -> int:
        return self.cap


@dataclass
class CountingLimitMeter:
    """A LimitMeter that remembers."""

    refusals: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    changes: list[tuple[str, Position]] = field(default_factory=list)

    def held_back(self, tenant_id: str, reason: str) -> None:
        self.refusals.append(reason)

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def circuit(self, host: str, position: Position) -> None:
        self.changes.append((host, position))


def admission(
    clock: Clock | None = None,
    *,
    cap: int = 100,
    limits: berths.Limits | None = None,
    rules: Rules | None = None,
    meter: CountingLimitMeter | None = None,
) -> Admission:
    """An Admission; without rules its circuits never open."""
    return Admission(
        Berths(limits or berths.Limits()),
        SameCap(cap),
        rules or Rules(failures=10**6),
        100,
        meter or CountingLimitMeter(),
        clock or SystemClock(),
    )


async def permit() -> Permit:
    """A permit of an Admission of its own."""
    return await admission().admit("acme", "host")
