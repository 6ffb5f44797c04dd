"""What an operator may set; the shared sections are in `focal_service_kit.settings`."""

from pydantic import Field

from focal_config_watcher.domain.sources import Limits
from focal_embedding import EmbeddingSettings
from focal_service_kit import settings

_DEFAULTS = Limits()


class LimitSettings(settings.Section):
    """How much of an agent's folder is read before it is refused."""

    files: int = Field(_DEFAULTS.files, gt=0, description="files of one folder")
    file_bytes: int = Field(_DEFAULTS.file_bytes, gt=0, description="bytes of one file")
    total_bytes: int = Field(
        _DEFAULTS.total_bytes,
        gt=0,
        description="bytes of all files; raise grpc.max_message_bytes along with it",
    )
    nodes: int = Field(_DEFAULTS.nodes, gt=0, description="YAML values of one file, aliases expanded")
    depth: int = Field(_DEFAULTS.depth, gt=0, le=200, description="nesting levels of one file")
    text_chars: int = Field(_DEFAULTS.text_chars, gt=0, description="characters of one text")
    definitions: int = Field(_DEFAULTS.definitions, gt=0, description="definitions of one kind, e.g. rules")
    problems: int = Field(_DEFAULTS.problems, gt=1, description="problems listed in one answer")

    def limits(self) -> Limits:
        """As the reader takes them."""
        return Limits(**self.model_dump())


class CatalogueSettings(settings.Section):
    """The catalogues of tools."""

    tools: int = Field(
        1000, gt=0, le=10_000, description="tools of one catalogue, the platform's or a tenant's"
    )


class CompileSettings(settings.Section):
    """How bundles are compiled."""

    batch: int = Field(256, gt=0, le=4096, description="texts embedded between two progress reports")


class CacheSettings(settings.Section):
    """The copies in Redis."""

    superseded_ttl_s: int = Field(
        3600, gt=0, description="seconds that the parts of superseded versions stay in Redis"
    )
    reconcile_s: float = Field(
        5, gt=0, description="seconds between two comparisons of Redis with the database"
    )


class WatchSettings(settings.Section):
    """How moved pointers are learnt of."""

    poll_s: float = Field(
        2, gt=0, description="seconds between two polls of all pointers; heals lost announcements"
    )


class ConfigWatcherSettings(settings.WithPostgres, settings.WithRedis, settings.ServiceSettings):
    """All settings of the service."""

    grpc: settings.GrpcSettings = settings.GrpcSettings(listen="127.0.0.1:7405")
    metrics: settings.MetricsSettings = settings.MetricsSettings(listen="127.0.0.1:7505")
    # Bundles are megabytes, not hints.
    redis: settings.RedisSettings = settings.RedisSettings(timeout_s=2)
    embedding: EmbeddingSettings = Field(EmbeddingSettings(), description="embedding of rules and conditions")
    limits: LimitSettings = LimitSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    compile: CompileSettings = CompileSettings()
    cache: CacheSettings = CacheSettings()
    watch: WatchSettings = WatchSettings()
