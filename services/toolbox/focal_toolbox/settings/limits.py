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
