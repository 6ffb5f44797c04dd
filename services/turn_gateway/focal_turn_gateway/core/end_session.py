"""End a session; what was acknowledged in it is still answered."""

from __future__ import annotations

from dataclasses import dataclass

from focal_turn_gateway.domain.session_edits import Operator
from focal_turn_gateway.domain.sessions import Session
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.ports.engine import TurnEngine
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.sessions import SessionDesk, SessionReader


@dataclass(frozen=True, slots=True)
class EndSession:
    """A session that has ended stays as it is."""

    desk: SessionDesk
    reader: SessionReader
    engine: TurnEngine
    live: LiveFeed

    async def __call__(
        self, tenant_id: str, session_id: str, operator: Operator, request: Request
    ) -> Session:
        """The session that has ended. Raises SessionNotFound, RequestIdReused, StoreUnavailable."""
        await self.desk.end(tenant_id, session_id, operator, request)
        # Its window is over: what waits in it is due.
        self.engine.wake(tenant_id, session_id)
        self.live.hint(session_id)
        return await self.reader.session(tenant_id, session_id)
