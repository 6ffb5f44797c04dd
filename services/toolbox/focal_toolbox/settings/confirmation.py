"""Calls that need a yes."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class ConfirmationSettings(settings.Section):
    """How long questions live."""

    ttl_s: float = Field(
        600,
        gt=0,
        description="seconds a question to a customer may stay unanswered, and then a yes unused, by the"
        " database's clock",
    )
    operator_ttl_s: float = Field(86_400, gt=0, description="the same for a question to an operator")
