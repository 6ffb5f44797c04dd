"""What is held against customers, for how long, and by which figures (DOMAIN §10)."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings
from focal_turn_gateway.domain.abuse import Terms


class Abuse(settings.Section):
    """Customers that abuse a tenant's agents. Admission looks at them only where `rates.enabled`."""

    low_h: float = Field(24, gt=0, description="hours a customer is watched (LOW)")
    medium_h: float = Field(24, gt=0, description="hours a customer is restricted (MEDIUM)")
    high_h: float = Field(24, gt=0, description="hours a customer is blocked (HIGH); CRITICAL has no end")
    refresh_s: float = Field(
        30, gt=0, description="seconds between writes of all blocks to Valkey, by one of the gateways"
    )
    poll_s: float = Field(
        1,
        gt=0,
        description="seconds between looks whether a flush has taken them; for so long they are lifted",
    )
    told_s: float = Field(
        600,
        gt=0,
        description="seconds a block stays in Valkey unless written anew; one whose lifting could not be told"
        " to Valkey ends by then",
    )

    def terms(self) -> Terms:
        """How long each level holds."""
        return Terms(self.low_h, self.medium_h, self.high_h)
