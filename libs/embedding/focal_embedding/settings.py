"""Which embedding a service uses."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from focal_embedding.embedder import Thresholds

Limit = Annotated[float, Field(ge=0, le=1)]


class ThresholdSettings(BaseModel):
    """Overrides of single limits; what is not given stays as shipped with the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Limit | None = Field(default=None, description="hybrid score from which a rule is a candidate, 0…1")
    scenario_entry: Limit | None = Field(default=None, description="cosine from which a scenario starts, 0…1")
    transition: Limit | None = Field(
        default=None, description="cosine from which a transition may be taken, 0…1"
    )
    sanity: Limit | None = Field(
        default=None, description="best cosine below which a turn is off the path, 0…1"
    )
    margin: Limit | None = Field(default=None, description="lead of the best over the second transition, 0…1")
    relocalization: Limit | None = Field(
        default=None, description="cosine from which a lost scenario moves, 0…1"
    )

    def over(self, shipped: Thresholds) -> Thresholds:
        """The shipped limits with these overrides."""
        given = self.model_dump(exclude_none=True)
        return Thresholds(**{**vars(shipped), **given})


class EmbeddingSettings(BaseModel):
    """The embedding of one service. Everything but `provider` concerns only the providers it
    names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Literal["hashed", "openai", "fastembed"] = Field(
        default="hashed",
        description="hashed (offline, lexical), openai (compatible endpoint) or fastembed (local)",
    )
    model: str = Field(
        default="text-embedding-3-small",
        min_length=1,
        description="model name (openai, fastembed); hashed has but one",
    )
    dimensions: int = Field(
        default=384,
        ge=64,
        le=8192,
        description="vector length; fastembed and openai must deliver exactly this",
    )
    base_url: str | None = Field(
        default=None, description="root of the OpenAI-compatible API, ending in /v1 (openai)"
    )
    api_key: SecretStr | None = Field(
        default=None, description="key for that API; local endpoints often need none (openai)"
    )
    timeout_s: float = Field(default=10.0, gt=0, description="seconds for one request (openai)")
    max_retries: int = Field(
        default=2, ge=0, description="repeats after 429, 5xx and connection errors (openai)"
    )
    batch_size: int = Field(
        default=128, ge=1, le=2048, description="texts in one request (openai, fastembed)"
    )
    cache_entries: int = Field(
        default=4096,
        ge=0,
        description="vectors kept in memory, 4·dimensions bytes each; 0 is off (openai, fastembed)",
    )
    thresholds: ThresholdSettings = Field(
        default=ThresholdSettings(), description="limits that replace those shipped with the model"
    )
