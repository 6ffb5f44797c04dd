"""The part of the composition root that builds what limits tenants and customers."""

from __future__ import annotations

import math

import redis.asyncio

from focal_service_kit import channels
from focal_service_kit.host import Host
from focal_turn_gateway.adapters.engines.crowd import Crowd
from focal_turn_gateway.adapters.engines.places import Places
from focal_turn_gateway.adapters.rate_windows import Uncounted, ValkeyRateWindows
from focal_turn_gateway.adapters.tenant_tiers import TenantTiers
from focal_turn_gateway.app import abuse
from focal_turn_gateway.core.admit import Admit
from focal_turn_gateway.domain.crowding import Crowding, Shares
from focal_turn_gateway.domain.rates import Rates
from focal_turn_gateway.domain.tiers import Tier
from focal_turn_gateway.ports.messages import RateWindows
from focal_turn_gateway.settings import TurnGatewaySettings

_TENANT = "focal.config.v1.TenantService/GetTenant"


def tiers(settings: TurnGatewaySettings, host: Host) -> TenantTiers:
    """Who knows a tenant's tier."""
    registry = channels.ChannelSettings(
        "config_watcher",
        settings.peers.config_watcher,
        safe_methods=(_TENANT,),
        timeout_s=settings.limits.agents_timeout_s,
    )
    return TenantTiers(
        host.channel(registry),
        lambda tenant_id: host.caller_tokens.own("config_watcher", tenant_id),
        known_s=settings.tiers.known_s,
        unknown_s=settings.tiers.unknown_s,
    )


def places(settings: TurnGatewaySettings, known: TenantTiers) -> Places:
    """The places in which turns run, capped per tenant by its tier."""
    limits = settings.tiers

    def cap(tenant_id: str) -> int:
        tier = known.seen(tenant_id)
        return limits.of(tier).running_turns if tier else limits.unknown_running_turns

    def booked(tenant_id: str) -> float:
        tier = known.seen(tenant_id)
        per_minute = limits.of(tier).requests_per_minute if tier else limits.unknown_requests_per_minute
        return per_minute / 60 or math.inf

    shares = Shares(settings.sharing.memory_s, settings.sharing.together_s)
    return Places(settings.engine.max_drains, cap, shares, booked)


def crowd(settings: TurnGatewaySettings, host: Host, among: Places) -> Crowd:
    """What lets heavy tenants begin fewer turns while turns come late; it watches when it is switched on."""
    sharing = settings.sharing
    watching = Crowd(
        among,
        Crowding(sharing.late_ms, sharing.shrink, sharing.least, sharing.first, settings.engine.max_drains),
        host.metrics,
        nap_s=sharing.nap_s,
        every_s=sharing.every_s,
        usual_s=sharing.usual_s,
        waiting=sharing.waiting,
    )
    if sharing.enabled:
        host.background("crowd", watching.run)
    return watching


def admission(
    settings: TurnGatewaySettings,
    host: Host,
    valkey: redis.asyncio.Redis,
    known: TenantTiers,
    crowding: Crowd,
) -> Admit:
    """What looks at a message before it is stored."""
    rates, limits = settings.rates, settings.tiers

    def rates_of(tier: Tier | None) -> Rates:
        tenant = limits.of(tier).requests_per_minute if tier else limits.unknown_requests_per_minute
        return Rates(tenant, rates.customer_per_minute, rates.restricted_per_minute)

    windows: RateWindows = Uncounted()
    if rates.enabled:
        windows = ValkeyRateWindows(
            valkey,
            host.metrics,
            window_s=rates.window_s,
            slices=rates.slices,
            timeout_s=rates.timeout_s,
            pause_s=rates.pause_s,
            hits=abuse.hits_kept(settings),
        )
    if not settings.sharing.enabled:
        return Admit(known, windows, rates_of)
    return Admit(known, windows, rates_of, crowding.crowds, settings.sharing.retry_s)
