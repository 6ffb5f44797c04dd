"""What the calls about sessions are made of."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import redis.asyncio

from focal.turn.v1 import session_service_pb2_grpc
from focal_service_kit.host import Host
from focal_turn_gateway.adapters.postgres.session_desk import PostgresSessionDesk
from focal_turn_gateway.adapters.session_cache import CachedSessions
from focal_turn_gateway.core.end_session import EndSession
from focal_turn_gateway.core.update_session import UpdateSession
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.ports.engine import TurnEngine
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.sessions import SessionReader, Sessions
from focal_turn_gateway.settings import TurnGatewaySettings
from focal_turn_gateway.transport.session_servicer import SessionServicer, Uses


def cached(
    settings: TurnGatewaySettings, host: Host, reader: SessionReader, valkey: redis.asyncio.Redis
) -> CachedSessions:
    """Sessions for those who read them often."""
    chosen = settings.sessions
    return CachedSessions(
        reader,
        valkey,
        host.metrics,
        kept_s=chosen.cached_s,
        timeout_s=chosen.cache_timeout_s,
        pause_s=chosen.cache_pause_s,
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """What the calls about sessions share with others."""

    pool: asyncpg.Pool
    reader: SessionReader
    cached: Sessions
    engine: TurnEngine
    live: LiveFeed


def register(settings: TurnGatewaySettings, host: Host, parts: Parts, registry: Registry) -> None:
    """Serve SessionService."""
    limits = settings.sessions.edit_limits()
    desk = PostgresSessionDesk(parts.pool, limits)
    uses = Uses(
        sessions=parts.cached,
        update=UpdateSession(desk, parts.reader, parts.live),
        end=EndSession(desk, parts.reader, parts.engine, parts.live),
        limits=limits,
    )
    servicer = SessionServicer(parts.reader, registry, uses)
    session_service_pb2_grpc.add_SessionServiceServicer_to_server(servicer, host.server)
    host.serves("focal.turn.v1.SessionService")
