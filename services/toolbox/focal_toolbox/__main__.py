"""`python -m focal_toolbox`: serve, migrate, or print the settings."""

from __future__ import annotations

from focal_service_kit import service
from focal_toolbox import app
from focal_toolbox.settings import ToolboxSettings

if __name__ == "__main__":
    service.main(
        service.Definition("toolbox", ToolboxSettings, app.build, migrations="focal_toolbox.migrations")
    )
