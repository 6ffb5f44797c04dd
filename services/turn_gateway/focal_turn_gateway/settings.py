"""What the gateway may be told."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from focal_service_kit import settings
from focal_turn_gateway.domain.accumulation import Fixed, Mode, Off
from focal_turn_gateway.domain.adaptive import Adaptive, Figures
from focal_turn_gateway.domain.channels import Capability, Override
from focal_turn_gateway.domain.error_policy import Policy, Target
from focal_turn_gateway.domain.tiers import Tier
from focal_turn_gateway.domain.turns import SupersedeAction
from focal_turn_gateway.ports import AccumulationPolicy


class Peers(settings.Section):
    """Where the other services are."""

    pipeline: str = Field("127.0.0.1:7402", description="gRPC target of pipeline")
    toolbox: str = Field("127.0.0.1:7403", description="gRPC target of toolbox")
    memory: str = Field("127.0.0.1:7404", description="gRPC target of memory")
    config_watcher: str = Field("127.0.0.1:7405", description="gRPC target of config_watcher")


class AdaptiveWindow(settings.Section):
    """The numbers of mode adaptive (DOMAIN §2.5). Those of a shape are added to the channel's base."""

    greeting_ms: int = Field(500, description="added when the message is only a greeting, ms")
    fragment_ms: int = Field(400, description="added when it ends in an ellipsis, comma, dash or colon, ms")
    entity_ms: int = Field(600, description="added when it ends in a thing whose number is missing, ms")
    short_ms: int = Field(200, description="added when it has fewer than `short_words` words, ms")
    complete_ms: int = Field(-300, description="added when a mark, a thanks or a please ends it, ms")
    likely_ms: int = Field(0, description="added when none of these fits, ms")
    short_words: int = Field(3, ge=0, description="words below which a message counts as short")
    cadence_share: float = Field(
        0.4, ge=0, le=1, description="share of the window that is the customer's own cadence, once known"
    )
    cadence_gaps: int = Field(5, ge=1, description="gaps from which on a customer's cadence is known")
    awaiting_field_ms: int = Field(1000, description="added when the last reply asked for a field, ms")
    followup_ms: int = Field(500, description="added when the last reply expects the customer to go on, ms")
    decay: float = Field(0.8, gt=0, le=1, description="factor per message of the window after its first")
    min_ms: int = Field(200, ge=0, le=60_000, description="shortest window of a channel that has one, ms")
    max_ms: int = Field(3000, ge=0, le=60_000, description="longest window, ms")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_ms > self.max_ms:
            raise ValueError("min_ms must not be above max_ms")
        return self


class LearntRhythm(settings.Section):
    """What is learnt of a customer's writing and shown to the policy."""

    gap_min_ms: int = Field(
        100, ge=0, description="shortest pause between messages that is learnt, ms; below they came together"
    )
    gap_max_ms: int = Field(
        30_000, ge=0, le=3_600_000, description="longest pause that is learnt, ms; above begins a new beat"
    )
    gaps_kept: int = Field(
        20, ge=0, le=1000, description="pauses kept per customer and channel, the latest; 0 learns none"
    )
    earlier_texts: int = Field(4, ge=0, description="messages of the same window shown to the policy")
    earlier_chars: int = Field(200, ge=1, description="characters of each of them")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.gap_min_ms > self.gap_max_ms:
            raise ValueError("gap_min_ms must not be above gap_max_ms")
        return self


class EarlyFinish(settings.Section):
    """Ask a model, through the pipeline, whether a long window may end early."""

    enabled: bool = Field(False, description="whether to ask at all; each question is a small model call")
    over_ms: int = Field(1000, ge=0, description="windows that are longer are judged, ms")
    after_share: float = Field(0.5, ge=0, lt=1, description="share of the window after which to ask")
    after_ms: int = Field(0, ge=0, description="ask after so many ms instead; 0 takes the share")
    confidence: float = Field(0.8, ge=0, le=1, description="confidence above which a window ends")
    timeout_s: float = Field(1, gt=0, description="seconds a judgement may take; the window waits no longer")


class Accumulation(settings.Section):
    """When a burst of messages is one turn."""

    mode: Mode = Field(
        Mode.ADAPTIVE,
        description="off answers at once, fixed waits the same everywhere, adaptive judges each message",
    )
    fixed_ms: int = Field(800, ge=0, le=60_000, description="pause that ends a turn in mode fixed, ms")
    channel_ms: dict[str, Annotated[int, Field(ge=0, le=60_000)]] = Field(
        default_factory=dict,
        description="channel name to base in ms, instead of the registered one; 0 answers at once",
    )
    adaptive: AdaptiveWindow = AdaptiveWindow()
    max_wait_ms: int = Field(
        10_000, ge=0, description="longest wait from the first unanswered message on, ms"
    )
    typing_ms: int = Field(
        3000, ge=0, description="pause from a sign of typing on, while a window is open, ms; 0 ignores typing"
    )
    typing_stopped_ms: int = Field(
        500, ge=0, description="what is left of that pause at least when the typing stops, ms"
    )
    rhythm: LearntRhythm = LearntRhythm()
    early_finish: EarlyFinish = EarlyFinish()

    def policy(self) -> AccumulationPolicy:
        """The policy these settings describe."""
        if self.mode is Mode.OFF:
            return Off()
        if self.mode is Mode.FIXED:
            return Fixed(self.fixed_ms)
        return Adaptive(Figures(**self.adaptive.model_dump()))


class RegisteredChannel(settings.Section):
    """One channel of the registry; a name that Focal knows is corrected, another one is added."""

    capability: Capability = Field(
        Capability(),
        description="facts about the medium; a known channel keeps its own when this is left out",
    )
    policy: Override = Field(Override(), description="fields of the platform's policy to replace")


class Channels(settings.Section):
    """The registry of channels, and what is remembered of tenants' policies."""

    registered: dict[str, RegisteredChannel] = Field(
        default_factory=dict, description="name to channel, beside or instead of those that Focal knows"
    )
    aliases: dict[str, str] = Field(
        default_factory=dict, description="other name to channel, beside webchat (web) and phone (voice)"
    )
    cached_agents: int = Field(10_000, gt=0, description="agents whose overrides are remembered")
    cached_s: float = Field(
        30, gt=0, description="seconds they are; a change whose word is lost goes unnoticed for so long"
    )


class Engine(settings.Section):
    """How sessions are claimed, kept and taken over."""

    lease_s: float = Field(
        3, gt=0, description="seconds without a heartbeat after which a gateway counts as frozen"
    )
    heartbeat_s: float = Field(0.5, gt=0, description="seconds between heartbeats")
    sweep_s: float = Field(1, gt=0, description="seconds between looks for sessions nobody drains, ±25 %")
    sweep_limit: int = Field(200, gt=0, description="sessions taken up per sweep")
    max_drains: int = Field(256, gt=0, description="turns run at once by this process")
    max_waiting: int = Field(
        1000, gt=0, description="sessions of one tenant held in memory; the sweep takes up the rest"
    )


class FreeTier(settings.Section):
    """Limits of one tier; these are FREE's."""

    running_turns: int = Field(5, gt=0, description="turns of one tenant that one process runs at once")
    requests_per_minute: int = Field(60, ge=0, description="messages of one tenant a minute; 0 = no limit")


class ProTier(FreeTier):
    """PRO's."""

    running_turns: int = Field(50, gt=0, description="as for free")
    requests_per_minute: int = Field(600, ge=0, description="as for free")


class EnterpriseTier(FreeTier):
    """ENTERPRISE's."""

    running_turns: int = Field(100, gt=0, description="as for free")
    requests_per_minute: int = Field(6000, ge=0, description="as for free")


class Tiers(settings.Section):
    """What tenants may use, by tier."""

    free: FreeTier = FreeTier()
    pro: ProTier = ProTier()
    enterprise: EnterpriseTier = EnterpriseTier()
    unknown_running_turns: int = Field(
        100, gt=0, description="running turns of a tenant whose tier this process has not seen yet"
    )
    unknown_requests_per_minute: int = Field(
        600, ge=0, description="messages a minute of a tenant whose tier neither token nor registry tells"
    )
    known_s: float = Field(300, gt=0, description="seconds the registry's word on a tier is trusted")
    unknown_s: float = Field(5, gt=0, description="seconds until a registry that is away is asked again")

    def of(self, tier: Tier) -> FreeTier:
        """The limits of a tier."""
        return {Tier.FREE: self.free, Tier.PRO: self.pro, Tier.ENTERPRISE: self.enterprise}[tier]


class Turns(settings.Section):
    """Limits of one turn."""

    budget_s: float = Field(
        60, gt=0, description="seconds a turn may take, all its attempts together, before it fails"
    )
    brain_s: float = Field(
        30, gt=0, description="seconds the pipeline may take for one attempt before the turn fails"
    )
    max_attempts: int = Field(5, ge=1, description="attempts before a turn fails (a poisoned turn)")
    retry_min_s: float = Field(
        0.1, gt=0, description="seconds before the attempt that follows a lost one; doubles after"
    )
    retry_max_s: float = Field(5, gt=0, description="longest pause after a lost attempt, seconds")
    fence_timeout_s: float = Field(10, gt=0, description="seconds to wait for the toolbox to fence")
    commit_patience_s: float = Field(
        30, gt=0, description="seconds a finished turn tries to commit while the store is away"
    )
    poll_s: float = Field(1, gt=0, description="seconds after which a lost wake hint is made good")
    max_messages: int = Field(100, gt=0, description="messages one turn answers at most")
    history: int = Field(5, ge=0, description="committed turns handed to the pipeline as history")
    error_reply: str = Field(
        "Sorry, something went wrong on our side. Please write to us again in a moment.",
        description="what the customer reads when a turn failed",
    )
    events_flush_ms: int = Field(
        50, ge=0, description="pause after which reported events are stored, ms; fewer, larger writes"
    )


class Errors(settings.Section):
    """What becomes of a turn whose attempt failed (DOMAIN §2.11)."""

    brain: Policy = Field(
        Policy.FAIL,
        description="the pipeline refused or took too long: FAIL, RETRY, ESCALATE or IGNORE (no reply)",
    )
    provider: Policy = Field(
        Policy.RETRY, description="no model answered: FAIL, RETRY, ESCALATE or IGNORE (no reply)"
    )
    retries: int = Field(3, ge=0, description="attempts that RETRY adds before the turn fails")
    retry_min_s: float = Field(1, gt=0, description="seconds before the first of them; doubles after")
    retry_max_s: float = Field(30, gt=0, description="longest pause between them, seconds")
    target: Target = Field(
        Target.SILENT_LOG, description="named in the event infra.error.escalated: silent_log, internal_alert"
    )


class Supersede(settings.Section):
    """Messages that arrive while a turn runs."""

    channel_default: dict[str, SupersedeAction] = Field(
        default_factory=dict,
        description="channel name to SUPERSEDE, ABSORB, QUEUE or FORCE_COMPLETE: what becomes of a message"
        " that the pipeline has no opinion about; a channel left out leaves it to the pipeline",
    )


class Limits(settings.Section):
    """Limits of requests and streams."""

    max_text_chars: int = Field(10_000, gt=0, description="characters of one message")
    max_trigger_bytes: int = Field(
        65_536, gt=0, description="bytes of the payload that opens a turn without a message"
    )
    max_artifact_bytes: int = Field(65_536, gt=0, description="bytes of one phase artifact")
    max_artifacts: int = Field(10, gt=0, description="artifacts of one attempt, by name")
    artifact_ttl_s: float = Field(
        60,
        gt=0,
        description="seconds a phase's result may be reused; a tool plan is kept as long as its turn",
    )
    max_event_bytes: int = Field(65_536, gt=0, description="bytes of one reported event's payload")
    events_per_minute: int = Field(
        10_000, gt=0, description="events a minute that one tenant's agents may report; more are dropped"
    )
    custom_events_per_minute: int = Field(
        1000, gt=0, description="of these the events of category custom; more are dropped"
    )
    event_counts_s: float = Field(
        1, gt=0, description="seconds between exchanges of event counts among gateways"
    )
    events_poll_s: float = Field(
        0.5, gt=0, description="seconds between looks for new events of a tenant that is watched"
    )
    stream_buffer: int = Field(256, gt=0, description="frames held for a slow reader before text is dropped")
    page_events: int = Field(200, gt=0, description="stored events read at once")
    known_agents_s: float = Field(30, gt=0, description="seconds an agent's existence is remembered")
    unknown_agents_s: float = Field(2, gt=0, description="seconds an agent's absence is remembered")
    agents_timeout_s: float = Field(
        2, gt=0, description="seconds config_watcher may take to say that one exists"
    )


class RateLimits(settings.Section):
    """How often customers may write, and what is asked of Valkey for it."""

    enabled: bool = Field(True, description="count messages at all; off, nobody is blocked either")
    customer_per_minute: int = Field(
        60, ge=0, description="messages a minute of one customer on one channel; 0 = no limit"
    )
    restricted_per_minute: int = Field(10, ge=0, description="the same for a customer who is restricted")
    window_s: float = Field(60, gt=0, description="seconds that a limit's minute has")
    timeout_s: float = Field(0.05, gt=0, description="seconds a message waits for Valkey to count it")
    pause_s: float = Field(2, gt=0, description="seconds in which a Valkey that is away is not asked")


class Queue(settings.Section):
    """What may wait in one session."""

    max_waiting: int = Field(
        10,
        gt=0,
        description="messages that wait behind an attempt; while none runs, behind turns.max_messages",
    )
    retry_s: float = Field(1, gt=0, description="seconds after which a refused caller is told to come again")


class Delivery(settings.Section):
    """The outbox."""

    memory: bool = Field(True, description="send committed turns to memory")
    outbound: bool = Field(True, description="write replies to events.outbound.{tenant}.{channel}")
    outbound_maxlen: int = Field(10_000, gt=0, description="entries kept per outbound stream, about")
    outbound_dedupe_s: int = Field(
        86_400, gt=0, description="seconds a delivered segment's dedupe key is kept"
    )
    batch: int = Field(50, gt=0, description="outbox rows claimed at once")
    claim_s: float = Field(10, gt=0, description="seconds after which another process may take a claimed row")
    poll_s: float = Field(1, gt=0, description="seconds between looks without a hint")
    timeout_s: float = Field(5, gt=0, description="seconds one delivery may take")
    retry_min_s: float = Field(0.5, gt=0, description="seconds before a failed delivery is repeated; doubles")
    retry_max_s: float = Field(30, gt=0, description="longest pause between deliveries, seconds")


class Ingress(settings.Section):
    """The message router's streams `events.routed.{tenant}.{channel}`."""

    enabled: bool = Field(True, description="read them; two small commands a second while there are none")
    discover_s: float = Field(1, gt=0, description="seconds between looks for new streams")
    scan_keys: int = Field(
        1000,
        gt=0,
        description="keys one look goes through; routers on a large server name their streams in the set"
        " events.routed",
    )
    lease_s: float = Field(
        3, gt=0, description="seconds of silence after which a stream's reader is replaced"
    )
    acquire_s: float = Field(0.5, gt=0, description="seconds between tries to become a reader, ±25 %")
    renew_s: float = Field(0.75, gt=0, description="seconds between renewals of a quiet reader's lease")
    listen_s: float = Field(0.25, gt=0, description="seconds one wait for new entries of all streams takes")
    batch: int = Field(64, gt=0, description="entries read at once")
    window: int = Field(
        256, gt=0, description="entries of one stream that are read and not settled; then reading waits"
    )
    parallel: int = Field(4, gt=0, description="messages being stored at once, over all streams")
    retry_min_s: float = Field(
        0.1, gt=0, description="seconds before a message that cannot be stored now is tried again; doubles"
    )
    retry_max_s: float = Field(5, gt=0, description="longest pause between tries, seconds")
    max_faults: int = Field(5, ge=1, description="unforeseen failures after which an entry is a dead letter")
    max_envelope_bytes: int = Field(262_144, gt=0, description="bytes of one envelope")
    delete_settled: bool = Field(
        True,
        description="take settled entries off their stream; switch off where others read it too and trim it",
    )
    dlq_maxlen: int = Field(10_000, gt=0, description="dead letters kept per channel of a tenant, about")
    repeat_s: int = Field(86_400, gt=0, description="seconds a dead letter's request_id is remembered")
    timeout_s: float = Field(2, gt=0, description="seconds for one command, unlike the hints'")


class Webhooks(settings.Section):
    """Events posted to the URLs of tenants."""

    allow_local: bool = Field(
        False, description="permit http and addresses that are not public; for development and tests only"
    )
    most: int = Field(20, gt=0, description="webhooks of one tenant")
    former_secret_s: float = Field(
        86_400, ge=0, description="seconds a former secret signs beside the new one"
    )
    max_bytes: int = Field(
        65_536, gt=0, description="bytes of one posted body; larger events go without their details"
    )
    timeout_s: float = Field(10, gt=0, description="seconds one post may take")
    retries: int = Field(5, ge=0, description="attempts after the first before a delivery is given up")
    retry_first_s: float = Field(10, gt=0, description="seconds before the second attempt; doubles after")
    retry_longest_s: float = Field(3600, gt=0, description="longest pause between attempts, seconds")
    disable_after: int = Field(10, gt=0, description="deliveries given up in a row that disable a webhook")
    per_minute: int = Field(1000, gt=0, description="posts to one webhook a minute, over all gateways")
    in_flight: int = Field(4, gt=0, description="posts to one webhook at once, over all gateways")
    parallel: int = Field(64, gt=0, description="posts of this process at once")
    poll_s: float = Field(0.5, gt=0, description="seconds between looks for what is due")
    claim_s: float = Field(
        30, gt=0, description="seconds after which another process may repeat a post; more than timeout_s"
    )


class Retention(settings.Section):
    """How long things are kept. What is older is removed in small batches, by one replica at a time."""

    events_days: float = Field(90, gt=0, description="days an event is kept")
    payloads_days: float = Field(
        30, gt=0, description="days the payload of a rule or custom event is kept; the event stays"
    )
    deliveries_days: float = Field(
        7, gt=0, description="days an outbox row or a delivery to a webhook is kept"
    )
    artifacts_days: float = Field(1, gt=0, description="days an artifact of a closed turn is kept")
    every_s: float = Field(300, gt=0, description="seconds between looks for what is too old")
    batch: int = Field(500, gt=0, description="rows removed at once")
    pause_s: float = Field(0.1, ge=0, description="seconds between batches")


class TurnGatewaySettings(settings.WithPostgres, settings.WithRedis, settings.ServiceSettings):
    """Settings of `turn_gateway`."""

    grpc: settings.GrpcSettings = settings.GrpcSettings(listen="127.0.0.1:7401")
    metrics: settings.MetricsSettings = settings.MetricsSettings(listen="127.0.0.1:7501")
    peers: Peers = Peers()
    accumulation: Accumulation = Accumulation()
    channels: Channels = Channels()
    engine: Engine = Engine()
    tiers: Tiers = Tiers()
    turns: Turns = Turns()
    errors: Errors = Errors()
    queue: Queue = Queue()
    rates: RateLimits = RateLimits()
    supersede: Supersede = Supersede()
    limits: Limits = Limits()
    delivery: Delivery = Delivery()
    webhooks: Webhooks = Webhooks()
    retention: Retention = Retention()
    ingress: Ingress = Ingress()
