"""What the gateway may be told."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings
from focal_turn_gateway.settings.abuse import Abuse
from focal_turn_gateway.settings.accumulation import Accumulation
from focal_turn_gateway.settings.callbacks import Callbacks
from focal_turn_gateway.settings.channels import Channels, Fallback, Identity
from focal_turn_gateway.settings.delivery import Delivery, Ingress
from focal_turn_gateway.settings.events import Retention, Webhooks
from focal_turn_gateway.settings.limits import Limits, Queue, RateLimits, Serving, Tiers
from focal_turn_gateway.settings.sessions import Sessions
from focal_turn_gateway.settings.turns import Engine, Errors, Sharing, Supersede, Turns


class Peers(settings.Section):
    """Where the other services are."""

    pipeline: str = Field("127.0.0.1:7402", description="gRPC target of pipeline")
    toolbox: str = Field("127.0.0.1:7403", description="gRPC target of toolbox")
    memory: str = Field("127.0.0.1:7404", description="gRPC target of memory")
    config_watcher: str = Field("127.0.0.1:7405", description="gRPC target of config_watcher")


class TurnGatewaySettings(settings.WithPostgres, settings.WithRedis, settings.ServiceSettings):
    """Settings of `turn_gateway`."""

    grpc: Serving = Serving(listen="127.0.0.1:7401")
    metrics: settings.MetricsSettings = settings.MetricsSettings(listen="127.0.0.1:7501")
    peers: Peers = Peers()
    accumulation: Accumulation = Accumulation()
    channels: Channels = Channels()
    identity: Identity = Identity()
    fallback: Fallback = Fallback()
    engine: Engine = Engine()
    sharing: Sharing = Sharing()
    tiers: Tiers = Tiers()
    turns: Turns = Turns()
    errors: Errors = Errors()
    queue: Queue = Queue()
    rates: RateLimits = RateLimits()
    abuse: Abuse = Abuse()
    supersede: Supersede = Supersede()
    sessions: Sessions = Sessions()
    limits: Limits = Limits()
    delivery: Delivery = Delivery()
    callbacks: Callbacks = Callbacks()
    webhooks: Webhooks = Webhooks()
    retention: Retention = Retention()
    ingress: Ingress = Ingress()
