"""Where secrets come from."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from focal_service_kit import settings


class SecretSettings(settings.Section):
    """Secrets that definitions name as `${NAME}`, beside the settings in `variables`."""

    directory: Path | None = Field(
        None,
        description="directory with one file per secret: NAME for all tenants, TENANT/NAME for one;"
        " a tenant's own wins, and both win over variables",
    )
    refresh_s: float = Field(1, gt=0, description="seconds between looks for changed files")
    plain: tuple[str, ...] = Field(
        (),
        description="names of variables that are no secrets and may appear in results; URLs never are,"
        " except for a password in them",
    )
