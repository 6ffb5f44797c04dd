"""How tool definitions are kept."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class BundleSettings(settings.Section):
    """Tool definitions kept from bundles."""

    kept: int = Field(256, gt=0, description="bundle versions kept")
    ttl_s: float = Field(900, gt=0, description="seconds a bundle version is kept; it never changes")
    pointer_ttl_s: float = Field(
        1, gt=0, description="seconds the number of an agent's current version is trusted"
    )
    timeout_s: float = Field(5, gt=0, description="seconds a fetch may take")
    schemas_kept: int = Field(1024, gt=0, description="compiled parameter schemas kept")
