"""The part of the composition root that builds what holds calls back."""

from __future__ import annotations

from focal_kernel.clock import Clock
from focal_service_kit.host import Host
from focal_toolbox.adapters.caller_tiers import CallerTiers
from focal_toolbox.adapters.prometheus_limits import PrometheusLimits
from focal_toolbox.core import berths
from focal_toolbox.core.admission import Admission
from focal_toolbox.core.berths import Berths
from focal_toolbox.core.turn_calls import TurnCalls
from focal_toolbox.domain.circuit import Rules
from focal_toolbox.domain.tiers import TenantTier
from focal_toolbox.settings import ToolboxSettings


def turn_calls(settings: ToolboxSettings) -> TurnCalls:
    """What counts the calls of each turn."""
    return TurnCalls(settings.turns.calls, settings.turns.kept, settings.turns.kept_s)


def admission(settings: ToolboxSettings, host: Host, clock: Clock) -> Admission:
    """What lets calls through to their hosts."""
    hosts, tiers, circuits = settings.hosts, settings.tiers, settings.circuits
    places = Berths(berths.Limits(hosts.calls, hosts.share, hosts.waiting, hosts.wait_s))
    caps = {
        TenantTier.FREE: tiers.free,
        TenantTier.PRO: tiers.pro,
        TenantTier.ENTERPRISE: tiers.enterprise,
    }
    return Admission(
        places,
        CallerTiers(caps, tiers.unknown),
        Rules(circuits.failures, circuits.share, circuits.window_s, circuits.open_s, circuits.trials),
        circuits.kept,
        PrometheusLimits(host.metrics, places.taken, places.waiting),
        clock,
    )
