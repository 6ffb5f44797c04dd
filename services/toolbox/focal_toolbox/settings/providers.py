"""Those that carry tools out."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class HttpSettings(settings.Section):
    """Provider `http`."""

    connect_timeout_s: float = Field(5, gt=0, description="seconds to open a connection")
    max_response_bytes: int = Field(1024 * 1024, gt=0, description="largest answer, bytes")
    max_connections: int = Field(200, gt=0, description="open connections at most, per kind")
