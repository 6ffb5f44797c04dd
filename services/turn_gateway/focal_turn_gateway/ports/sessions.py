"""What is read of sessions and agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from focal_turn_gateway.domain.events import StoredEvent
from focal_turn_gateway.domain.messages import Address, Message
from focal_turn_gateway.domain.session_edits import Edit, Operator
from focal_turn_gateway.domain.sessions import Behind, Listing, Session
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.domain.turns import Turn


class SessionReader(Protocol):
    """Reads sessions, turns and events of one tenant."""

    async def session(self, tenant_id: str, session_id: str) -> Session:
        """One session. Raises SessionNotFound."""

    async def session_at(self, tenant_id: str, address: Address, ended_id: str = "") -> Session | None:
        """The session that is active at an address, else the one with `ended_id` if it was there."""

    async def sessions(
        self, tenant_id: str, listing: Listing, behind: Behind | None, limit: int
    ) -> list[Session]:
        """Sessions of a listing behind a place in it, from its beginning when that is None; without their
        state.
        """

    async def turn(self, tenant_id: str, turn_id: str) -> Turn:
        """One turn. Raises TurnNotFound."""

    async def turns(self, tenant_id: str, session_id: str, before: str, limit: int) -> list[Turn]:
        """Turns of a session with an id below `before` (all when empty), latest first."""

    async def open_turns(self, tenant_id: str, min_age_s: float, after: str, limit: int) -> list[Turn]:
        """Turns that have not ended and were opened at least `min_age_s` seconds ago, with an id above
        `after`, oldest first.
        """

    async def turn_answering(self, tenant_id: str, message_id: str) -> Turn | None:
        """The closed turn that answered a message, or that was cancelled with it."""

    async def messages_of(self, tenant_id: str, turn_id: str) -> tuple[Message, ...]:
        """Messages that ended with a turn, in order."""

    async def messages(self, tenant_id: str, session_id: str, before: int, limit: int) -> tuple[Message, ...]:
        """Messages of a session with a sequence below `before` (all when 0), latest first."""

    async def pinned_versions(self, tenant_id: str, agent_id: str) -> dict[int, int]:
        """Bundle versions that live sessions of an agent are pinned to, with their number, ascending."""

    async def events(self, session_id: str, after_offset: int, limit: int) -> list[StoredEvent]:
        """Stored events behind an offset, in order."""

    async def ahead(self, offsets: Mapping[str, int]) -> list[str]:
        """Which of these sessions have stored events behind the offset beside their id."""

    async def first_offset(self, session_id: str) -> int:
        """The offset of the oldest event that is kept; of the next one when none is."""


class Sessions(Protocol):
    """Reads sessions for those who can do with one that they know, or a later one."""

    async def session(self, tenant_id: str, session_id: str, seen: int | None = None) -> Session:
        """One session with all its events up to offset `seen`, and maybe not with later ones; as it stands
        now when that is None. Raises SessionNotFound, StoreUnavailable.
        """


class SessionDesk(Protocol):
    """Changes sessions from outside the turn program. All raise SessionNotFound, RequestIdReused,
    StoreUnavailable.
    """

    async def update(
        self,
        tenant_id: str,
        session_id: str,
        edit: Edit,
        version: int | None,
        operator: Operator,
        request: Request,
    ) -> None:
        """Apply an edit to the state, or on top of what the running turn will commit; `version` is the
        state's as the caller has seen it. Raises SessionEnded, SessionChanged, SessionFull.
        """

    async def end(self, tenant_id: str, session_id: str, operator: Operator, request: Request) -> None:
        """End the session, unless it has ended; its address is free for a new one."""


class AgentDirectory(Protocol):
    """Knows which agents exist."""

    async def require(self, tenant_id: str, agent_id: str) -> None:
        """Raise NotFound (TENANT_NOT_FOUND, AGENT_NOT_FOUND) unless the agent has a published version."""
