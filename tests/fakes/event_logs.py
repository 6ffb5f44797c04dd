"""The gateway's log of a tenant's events, in memory."""

from __future__ import annotations

from focal_turn_gateway import errors
from focal_turn_gateway.domain.event_log import EventChoice, LoggedEvent, LogPage, Position
from focal_turn_gateway.domain.events import Body, StoredEvent
from tests.fakes.turn_gateway import NOW


class InMemoryEventLog:
    """`EventLog` over a list; while `away` every call is StoreUnavailable."""

    def __init__(self) -> None:
        self.away = False
        self.events: list[LoggedEvent] = []
        self.removed = Position(0, 0)

    def store(self, body: Body, session_id: str = "ses_1", agent_id: str = "desk") -> LoggedEvent:
        offset = sum(logged.event.session_id == session_id for logged in self.events) + 1
        event = StoredEvent(session_id, offset, NOW, body, "trn_1", 1)
        logged = LoggedEvent(event, Position(len(self.events) + 1, 1), agent_id, "web")
        self.events.append(logged)
        return logged

    async def end(self) -> Position:
        self._reach()
        return self.events[-1].position if self.events else Position(0, 0)

    async def check(self, tenant_id: str, position: Position) -> None:
        self._reach()
        if position < self.removed:
            raise errors.EventsRemoved

    async def read(self, tenant_id: str, after: Position, choice: EventChoice, limit: int) -> LogPage:
        self._reach()
        page = [logged for logged in self.events if logged.position > after][:limit]
        reached = page[-1].position if page else after
        return LogPage(tuple(logged for logged in page if logged in choice), reached, len(page) == limit)

    def _reach(self) -> None:
        if self.away:
            raise errors.StoreUnavailable
