"""`python -m focal_config_watcher`: read settings, run the app."""

from focal_config_watcher import app
from focal_config_watcher.settings import ConfigWatcherSettings
from focal_service_kit import service

DEFINITION = service.Definition(
    name="config_watcher",
    settings=ConfigWatcherSettings,
    build=app.build,
    migrations="focal_config_watcher.migrations",
)

if __name__ == "__main__":
    service.main(DEFINITION)
