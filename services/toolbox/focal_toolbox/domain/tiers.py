"""Which limits a tenant is under."""

from __future__ import annotations

from enum import StrEnum


class TenantTier(StrEnum):
    """What a tenant has booked; the names are those of tokens."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"


def named(name: str) -> TenantTier | None:
    """The tier with this name in any case, None for one that does not exist."""
    try:
        return TenantTier(name.lower())
    except ValueError:
        return None
