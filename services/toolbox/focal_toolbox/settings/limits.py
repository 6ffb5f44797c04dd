"""How much may be asked of tools, and of those who carry them out."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class TurnLimits(settings.Section):
    """What one turn may call."""

    calls: int = Field(
        5,
        ge=0,
        description="different calls of one turn, compensations left out; 0 = no limit."
        " Effects are counted over all toolboxes, reads by each toolbox for itself",
    )
    kept: int = Field(10_000, gt=0, description="turns whose reads are remembered")
    kept_s: float = Field(900, gt=0, description="seconds for which they are")


class TierLimits(settings.Section):
    """Calls of one tenant that one process carries out at once, by the tier of its callers' tokens."""

    free: int = Field(5, gt=0, description="calls under way of a tenant of tier free")
    pro: int = Field(50, gt=0, description="the same for pro")
    enterprise: int = Field(100, gt=0, description="the same for enterprise")
    unknown: int = Field(100, gt=0, description="the same while no token has named the tenant's tier")


class HostLimits(settings.Section):
    """What one process asks of one provider's host at once."""

    calls: int = Field(64, gt=0, description="calls under way at one host")
    share: float = Field(
        0.8,
        gt=0,
        le=1,
        description="part of a tenant's calls under way that may be at one host, one at least",
    )
    waiting: int = Field(64, ge=0, description="calls of one tenant that wait for a place at one host")
    wait_s: float = Field(2, ge=0, description="seconds that a call waits for its place")


class CircuitSettings(settings.Section):
    """When a provider's host that fails is left alone."""

    failures: int = Field(5, gt=0, description="failures within the window that open a tenant's circuit")
    share: float = Field(
        0.5, gt=0, le=1, description="part of the answers within the window that they must be"
    )
    window_s: float = Field(30, gt=0, description="seconds that answers count")
    open_s: float = Field(10, gt=0, description="seconds that a circuit stays open before a call may try")
    trials: int = Field(1, gt=0, description="calls at once that try")
    kept: int = Field(10_000, gt=0, description="circuits remembered, one for each tenant and host")
