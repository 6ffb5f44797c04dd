"""What an operator may set; the shared sections are in `focal_service_kit.settings`."""

from __future__ import annotations

from pydantic import Field, field_validator

from focal_embedding import EmbeddingSettings
from focal_memory.domain import admission, rarity
from focal_service_kit import settings

INDEXABLE_DIMENSIONS = 4_000
"""pgvector's limit for an HNSW index over half-precision vectors."""

_LIMITS = admission.Limits()
_CHOICE = rarity.Choice()


class IngestSettings(settings.Section):
    """How much is taken in at once."""

    content_bytes: int = Field(_LIMITS.content_bytes, gt=0, description="bytes of one episode's text")
    metadata_entries: int = Field(
        _LIMITS.metadata_entries, ge=0, description="metadata entries of an episode"
    )
    metadata_entry_bytes: int = Field(
        _LIMITS.metadata_entry_bytes, gt=0, description="bytes of one metadata entry, key and value"
    )
    stream_episodes: int = Field(
        _LIMITS.stream_episodes, gt=0, description="episodes of one stream: they are one transaction"
    )
    stream_bytes: int = Field(
        _LIMITS.stream_bytes, gt=0, description="bytes of text of one stream: it is held in memory"
    )
    batch: int = Field(128, gt=0, le=2048, description="texts embedded at once")

    def limits(self) -> admission.Limits:
        """As the domain takes them."""
        return admission.Limits(**self.model_dump(exclude={"batch"}))


class RecallSettings(settings.Section):
    """How episodes are found; the reasons for the defaults are in docs/adr/0071."""

    query_chars: int = Field(10_000, gt=0, description="characters of a question's text")
    statement_timeout_ms: int = Field(1_000, gt=0, description="longest recall statement, ms")
    connections: int = Field(8, gt=0, description="connections kept apart for recall")
    list_depth: int = Field(
        20, gt=0, le=200, description="entries of the vector and of the lexical list; a larger limit wins"
    )
    rank_constant: int = Field(60, gt=0, description="k of reciprocal rank fusion, weight / (k + rank)")
    vector_weight: float = Field(0.6, ge=0, description="weight of the vector list in the fusion")
    lexical_weight: float = Field(1.0, ge=0, description="weight of the lexical list in the fusion")
    exact_episodes: int = Field(
        10_000, ge=0, description="largest scope, in episodes, whose vectors are compared one by one"
    )
    ef_search: int = Field(100, ge=1, le=1000, description="candidates of one HNSW scan (hnsw.ef_search)")
    max_scan_tuples: int = Field(
        20_000, gt=0, description="vectors an iterative HNSW scan visits at most (hnsw.max_scan_tuples)"
    )
    words: int = Field(
        _CHOICE.words, gt=0, le=32, description="rarest words of a question looked up, of those counted"
    )
    uncounted_words: int = Field(
        _CHOICE.uncounted_words,
        ge=0,
        le=32,
        description="further words looked up that are too rare to be counted, or in no episode",
    )
    word_share: float = Field(
        _CHOICE.share, gt=0, le=1, description="share of episodes, 0…1, above which a word is not looked up"
    )
    total_share: float = Field(
        _CHOICE.total_share, gt=0, le=1, description="share of episodes, 0…1, the words may match together"
    )
    cheap_matches: int = Field(
        _CHOICE.cheap_matches, ge=0, description="matches never too many, whatever their share"
    )
    counts_max_age_s: float = Field(
        60, gt=0, description="seconds that word counts read from the database's statistics are used"
    )

    def choice(self) -> rarity.Choice:
        """Which words are looked up."""
        return rarity.Choice(
            words=self.words,
            uncounted_words=self.uncounted_words,
            share=self.word_share,
            total_share=self.total_share,
            cheap_matches=self.cheap_matches,
        )


class PartitionSettings(settings.Section):
    """When and how a large tenant gets partitions and a vector index of its own."""

    own_from_episodes: int = Field(10_000, gt=0, description="episodes above which a tenant is separated")
    interval_s: float = Field(300, gt=0, description="seconds between two looks, give or take a quarter")
    lock_timeout_ms: int = Field(
        2_000, gt=0, description="longest wait for a lock, ms; readers of the shared part wait behind it"
    )
    build_memory_mb: int = Field(256, gt=0, description="memory for building a vector index, MiB")


class MemorySettings(settings.WithPostgres, settings.ServiceSettings):
    """Everything that may be set for memory."""

    grpc: settings.GrpcSettings = settings.GrpcSettings(listen="127.0.0.1:7404")
    metrics: settings.MetricsSettings = settings.MetricsSettings(listen="127.0.0.1:7504")
    embedding: EmbeddingSettings = EmbeddingSettings()
    ingest: IngestSettings = IngestSettings()
    recall: RecallSettings = RecallSettings()
    partitions: PartitionSettings = PartitionSettings()

    @field_validator("embedding")
    @classmethod
    def _vectors_can_be_indexed(cls, embedding: EmbeddingSettings) -> EmbeddingSettings:
        if embedding.dimensions > INDEXABLE_DIMENSIONS:
            raise ValueError(f"dimensions: at most {INDEXABLE_DIMENSIONS} can be indexed")
        return embedding
