"""How toolboxes know each other."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from focal_service_kit import settings


class InstanceSettings(settings.Section):
    """How toolboxes know which of them are alive."""

    heartbeat_s: float = Field(0.5, gt=0, description="seconds between heartbeats")
    lease_s: float = Field(
        3, gt=0, description="age of a heartbeat, in seconds, at which its process counts as lost"
    )
    send_within_s: float = Field(
        1.5,
        gt=0,
        description="age of a reservation, in seconds, at which it is given back instead of used:"
        " less than the lease, or a thawed process may send what others gave up",
    )
    sweep_s: float = Field(1, gt=0, description="seconds between sweeps for effects of lost processes")
    start_s: float = Field(10, gt=0, description="seconds the first heartbeat may take at start")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """A process must beat well within its lease, and stop sending before others give it up."""
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError("heartbeat_s must be at most half of lease_s")
        if self.send_within_s >= self.lease_s:
            raise ValueError("send_within_s must be less than lease_s")
        return self
