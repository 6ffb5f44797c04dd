"""Decisions about calls."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from focal_service_kit import settings


class ToolPolicySettings(settings.Section):
    """The rules of tenants."""

    default: Literal["ALLOW", "DENY"] = Field(
        "ALLOW", description="what holds for calls that no rule of their tenant matches"
    )
    kept_s: float = Field(
        2, gt=0, description="seconds a tenant's rules are trusted before they are read again"
    )
    timeout_s: float = Field(
        2, gt=0, description="seconds a decision may take; the call is refused when it takes longer"
    )
    tenants_kept: int = Field(4096, gt=0, description="tenants whose rules are kept at most")
    rules_per_tenant: int = Field(200, gt=0, description="rules a tenant may have at most")
