"""What holds calls back, and who counts that."""

from __future__ import annotations

from typing import Protocol

from focal_toolbox.domain.circuit import Position


class TenantCaps(Protocol):
    """How many calls of a tenant may be under way."""

    def of(self, tenant_id: str) -> int:
        """The cap of a tenant, asked while one of its calls is served."""


class LimitMeter(Protocol):
    """Counts calls that were held back, and circuits that changed."""

    def held_back(self, tenant_id: str, reason: str) -> None:
        """A call was refused; `reason` as in `focal.common.v1.ErrorReason`."""

    def waited(self, seconds: float) -> None:
        """A call had its place after `seconds`."""

    def circuit(self, host: str, position: Position) -> None:
        """A circuit came to a position."""
