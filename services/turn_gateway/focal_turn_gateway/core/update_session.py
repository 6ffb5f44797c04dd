"""Change what an agent remembers of a session, without a word to whoever runs its turn."""

from __future__ import annotations

from dataclasses import dataclass

from focal_turn_gateway.domain.session_edits import Edit, Operator
from focal_turn_gateway.domain.sessions import Session
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.sessions import SessionDesk, SessionReader


@dataclass(frozen=True, slots=True)
class UpdateSession:
    """An edit never ends a turn: it comes on top of what the running one commits."""

    desk: SessionDesk
    reader: SessionReader
    live: LiveFeed

    async def __call__(
        self,
        tenant_id: str,
        session_id: str,
        edit: Edit,
        version: int | None,
        operator: Operator,
        request: Request,
    ) -> Session:
        """The session with the edit; `version` is its state's as the caller has seen it, None for any.

        Raises SessionNotFound, SessionEnded, SessionChanged, SessionFull, RequestIdReused,
        StoreUnavailable.
        """
        await self.desk.update(tenant_id, session_id, edit, version, operator, request)
        self.live.hint(session_id)
        return await self.reader.session(tenant_id, session_id)
