"""What the calls about sessions are made of."""

from __future__ import annotations

import asyncpg

from focal.turn.v1 import session_service_pb2_grpc
from focal_service_kit.host import Host
from focal_turn_gateway.adapters.postgres.session_desk import PostgresSessionDesk
from focal_turn_gateway.core.end_session import EndSession
from focal_turn_gateway.core.update_session import UpdateSession
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.ports.engine import TurnEngine
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.sessions import SessionReader
from focal_turn_gateway.settings import TurnGatewaySettings
from focal_turn_gateway.transport.session_servicer import Changes, SessionServicer


def register(
    settings: TurnGatewaySettings,
    host: Host,
    pool: asyncpg.Pool,
    reader: SessionReader,
    engine: TurnEngine,
    live: LiveFeed,
    registry: Registry,
) -> None:
    """Serve SessionService."""
    limits = settings.sessions.edit_limits()
    desk = PostgresSessionDesk(pool, limits)
    changes = Changes(
        update=UpdateSession(desk, reader, live), end=EndSession(desk, reader, engine, live), limits=limits
    )
    servicer = SessionServicer(reader, registry, changes)
    session_service_pb2_grpc.add_SessionServiceServicer_to_server(servicer, host.server)
    host.serves("focal.turn.v1.SessionService")
