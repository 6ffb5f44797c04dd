"""Results of PURE calls that are used again."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class ReadSettings(settings.Section):
    """Only tools that say how long a result is fresh (`fresh_ms`) have theirs kept."""

    kept_bytes: int = Field(
        32 * 1024 * 1024, ge=0, description="bytes of all kept results together; the least used go first"
    )
    kept_result_bytes: int = Field(256 * 1024, ge=0, description="bytes of the largest result that is kept")
