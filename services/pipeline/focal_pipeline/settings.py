"""Every figure of the pipeline that a deployment may want to change."""

from __future__ import annotations

from pydantic import Field, SecretStr

from focal_embedding import EmbeddingSettings
from focal_pipeline.domain import phrases
from focal_service_kit import settings


class Peers(settings.Section):
    """Where the other services are, as gRPC targets."""

    config_watcher: str = Field("127.0.0.1:7405", description="gRPC target of config_watcher")
    toolbox: str = Field("127.0.0.1:7403", description="gRPC target of the toolbox")
    memory: str = Field("127.0.0.1:7404", description="gRPC target of memory")


class RuntimeSettings(settings.Section):
    """Compiled agents kept in memory."""

    cached: int = Field(1000, gt=0, description="compiled agent versions kept; the least used goes first")
    ttl_s: float = Field(3600, gt=0, description="seconds an unused compiled version is kept")
    fetch_timeout_s: float = Field(10, gt=0, description="seconds to fetch one bundle")
    reconnect_first_s: float = Field(0.1, gt=0, description="first pause before watching again, in seconds")
    reconnect_longest_s: float = Field(1, gt=0, description="longest pause before watching again, seconds")


class RuleSettings(settings.Section):
    """How many rules a turn considers."""

    candidates: int = Field(30, gt=0, description="scored rules considered per turn")
    matched: int = Field(10, gt=0, description="scored rules that may apply per turn")
    matched_per_scope: int = Field(10, gt=0, description="of these, at most so many of one scope")


class ScenarioSettings(settings.Section):
    """How far and how often a scenario moves."""

    walk_steps: int = Field(10, gt=0, description="steps walked in one turn")
    visits: int = Field(5, gt=0, description="visits of one step within `visits_turns` turns")
    visits_turns: int = Field(10, gt=0, description="turns that the limit on visits looks back")
    history: int = Field(50, gt=0, description="step visits remembered per session")
    instances: int = Field(20, gt=0, description="scenario instances remembered per session")
    open: int = Field(3, gt=0, description="scenarios of a session running or waiting behind another")


class ToolSettings(settings.Section):
    """Tool calls."""

    timeout_s: float = Field(30, gt=0, description="seconds for one tool call that names no limit")
    margin_s: float = Field(
        2, ge=0, description="seconds beyond a tool's own limit that the toolbox may take to answer"
    )
    unavailable_s: float = Field(
        20, ge=0, description="seconds to keep asking a toolbox that is away; a repeated call is keyed"
    )
    model_fills: int = Field(
        2, ge=0, description="tools per turn whose missing arguments a model may take from the text"
    )
    legs: int = Field(5, gt=0, description="times that new values may move a scenario on within a turn")


class MemorySettings(settings.Section):
    """Recall."""

    timeout_s: float = Field(0.25, gt=0, description="seconds that recall may take; later it is left out")
    limit: int = Field(8, gt=0, le=50, description="episodes recalled")


class SupersedeSettings(settings.Section):
    """Messages that arrive while a turn runs. Phrases are compared without regard to case or width."""

    limit: int = Field(
        5, ge=0, description="times one intent may be superseded or begun again before a turn finishes first"
    )
    reply_chars: int = Field(
        300, gt=0, description="characters a reply has as a rule; how much of one is written is judged by it"
    )
    force_complete_share: float = Field(
        0.9, gt=0, description="share of a written reply from which on the turn finishes first"
    )
    corrections: tuple[str, ...] = Field(
        phrases.CORRECTIONS, description="phrases that take back what was said, wherever they stand"
    )
    refusals: tuple[str, ...] = Field(
        phrases.REFUSALS, description="phrases that take back what was said when a message begins with them"
    )
    additions: tuple[str, ...] = Field(
        phrases.ADDITIONS, description="phrases with which a message continues the one before"
    )
    courtesies: tuple[str, ...] = Field(
        phrases.COURTESIES, description="phrases that need no answer of their own"
    )
    open_endings: tuple[str, ...] = Field(
        phrases.OPEN_ENDINGS, description="ends of a text that is to be continued"
    )


class ConsentSettings(settings.Section):
    """How an answer to `Shall I do this?` is read. What neither list tells, a model may, if there is one."""

    agreements: tuple[str, ...] = Field(
        phrases.AGREEMENTS, description="words that mean yes in whatever sentence"
    )
    declines: tuple[str, ...] = Field(phrases.DECLINES, description="words that mean no")


class ArtifactSettings(settings.Section):
    """Results of phases kept for another run of the same intent."""

    worth_ms: float = Field(
        50, ge=0, description="ms a phase must have taken for its result to be kept; storing costs every hop"
    )
    max_bytes: int = Field(
        32_768, gt=0, le=65_536, description="bytes of one result; a larger one is not kept"
    )


class CallSite(settings.Section):
    """How one place in the brain uses language models; a bundle may override each value."""

    temperature: float = Field(0, ge=0, le=2, description="0 repeats itself, 2 is wild")
    max_tokens: int = Field(500, gt=0, description="tokens the model may write")
    timeout_s: float = Field(10, gt=0, description="seconds for one answer of one model")


class LlmSettings(settings.Section):
    """The OpenAI-compatible endpoint; without `model`, or without URL and key, the mesh is offline."""

    base_url: str = Field("", description="root of the API, ending in /v1; empty for OpenAI's own")
    api_key: SecretStr = Field(SecretStr(""), description="key; local endpoints often need none")
    model: str = Field("", description="model asked first")
    fallback_models: tuple[str, ...] = Field((), description="models asked next, in this order")
    generation: CallSite = Field(
        CallSite(temperature=0.7, max_tokens=1024, timeout_s=30), description="writing the reply (P9)"
    )
    collection: CallSite = Field(CallSite(), description="finding values in the customer's text (P6)")
    tool_arguments: CallSite = Field(CallSite(), description="filling a tool's arguments (P7)")
    input_judgement: CallSite = Field(
        CallSite(max_tokens=20, timeout_s=1),
        description="judging whether an input is complete, before a turn",
    )
    judged_chars: int = Field(2000, gt=0, description="latest characters of an input that are judged")

    @property
    def configured(self) -> bool:
        """Whether a language model can be asked at all."""
        return bool(self.model and (self.base_url or self.api_key.get_secret_value()))


class CollectionSettings(settings.Section):
    """Values found in the customer's text."""

    pattern_timeout_ms: float = Field(
        50, gt=0, description="ms one pattern may search one text; then it has found nothing"
    )


class LiveTextSettings(settings.Section):
    """The text that a customer watches being written."""

    pause_ms: int = Field(25, ge=0, description="pause between two pieces of live text, ms; 0 passes on each")


class PipelineSettings(settings.ServiceSettings):
    """The settings of the pipeline."""

    grpc: settings.GrpcSettings = settings.GrpcSettings(listen="127.0.0.1:7402")
    metrics: settings.MetricsSettings = settings.MetricsSettings(listen="127.0.0.1:7502")
    peers: Peers = Peers()
    runtime: RuntimeSettings = RuntimeSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    rules: RuleSettings = RuleSettings()
    scenarios: ScenarioSettings = ScenarioSettings()
    tools: ToolSettings = ToolSettings()
    memory: MemorySettings = MemorySettings()
    supersede: SupersedeSettings = SupersedeSettings()
    consent: ConsentSettings = ConsentSettings()
    artifacts: ArtifactSettings = ArtifactSettings()
    llm: LlmSettings = LlmSettings()
    collection: CollectionSettings = CollectionSettings()
    live_text: LiveTextSettings = LiveTextSettings()
