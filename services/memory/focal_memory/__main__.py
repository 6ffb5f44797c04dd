"""`python -m focal_memory`."""

from focal_memory import app
from focal_memory.settings import MemorySettings
from focal_service_kit import service

if __name__ == "__main__":
    service.main(
        service.Definition("memory", MemorySettings, app.build, migrations="focal_memory.migrations")
    )
