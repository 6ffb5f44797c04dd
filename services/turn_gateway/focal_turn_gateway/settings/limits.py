"""What one process, tenant, session and request may use."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings
from focal_turn_gateway.domain.tiers import Tier


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


class Serving(settings.GrpcSettings):
    """The socket that customers' front ends hold streams on: thousands of them, mostly silent."""

    keepalive_s: float = Field(
        20,
        gt=0,
        description="seconds of silence of a caller before a ping; each open connection costs one as often",
    )
    keepalive_timeout_s: float = Field(
        10, gt=0, description="seconds to wait for a ping's answer before the connection is dropped"
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
    page_followed: int = Field(
        1000, gt=0, description="followed sessions asked about at once, when lost hints are made good"
    )
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
    slices: int = Field(
        12,
        ge=1,
        le=100,
        description="parts in which a window is counted; a message counts for up to one part longer than it",
    )
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
