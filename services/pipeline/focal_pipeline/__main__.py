"""The pipeline as a process."""

from focal_pipeline import app
from focal_pipeline.settings import PipelineSettings
from focal_service_kit import service

if __name__ == "__main__":
    service.main(service.Definition("pipeline", PipelineSettings, app.build))
