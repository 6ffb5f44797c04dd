"""Provider `internal`."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class InternalSettings(settings.Section):
    """Registered Python functions."""

    packages: tuple[str, ...] = Field(
        default=(),
        description="where functions are registered: names of entry points of the group `focal.tools`,"
        " or `module:attribute` of a focal_kernel.tools.Registry; nothing else is loaded",
    )
    threads: int = Field(16, gt=0, description="functions that are no coroutines, running at once")
    max_result_bytes: int = Field(1024 * 1024, gt=0, description="largest result, bytes of JSON")
