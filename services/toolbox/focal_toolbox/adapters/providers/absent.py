"""A provider that this process has no use for, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from focal_toolbox import errors
from focal_toolbox.ports.providers import Availability, Dispatch


@dataclass(frozen=True, slots=True)
class AbsentProvider:
    """Refuses everything with its reason."""

    reason: str

    def availability(self) -> Availability:
        return Availability(available=False, reason=self.reason)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> Dispatch:
        raise errors.Refusal("PROVIDER_NOT_CONFIGURED", self.reason)
