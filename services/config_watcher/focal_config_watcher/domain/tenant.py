"""A business that runs agents."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_NAME_CHARS = 200


class Tier(StrEnum):
    """The limits a tenant is under; the turn gateway knows the figures."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class Tenant:
    """Nothing is shared between two tenants."""

    tenant_id: str
    name: str
    tier: Tier
    created_at: datetime
