"""`focal.turn.v1.SessionService`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc.aio

from focal.turn.v1 import session_service_pb2 as pb
from focal.turn.v1 import session_service_pb2_grpc as api
from focal_kernel import ids
from focal_service_kit import identity, pages
from focal_turn_gateway.codecs import requests, sessions, turns, values
from focal_turn_gateway.core.end_session import EndSession
from focal_turn_gateway.core.update_session import UpdateSession
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.session_edits import EditLimits, Operator
from focal_turn_gateway.ports.sessions import SessionReader, Sessions

Context = grpc.aio.ServicerContext[Any, Any]
_OPERATORS = ("admin",)


@dataclass(frozen=True, slots=True)
class Uses:
    """What is done for callers beside plain reading."""

    sessions: Sessions
    update: UpdateSession
    end: EndSession
    limits: EditLimits


class SessionServicer(api.SessionServiceServicer):
    """Looks at sessions and their turns, and changes what an operator may change."""

    def __init__(self, reader: SessionReader, registry: Registry, use: Uses) -> None:
        self._reader = reader
        self._registry = registry
        self._use = use

    async def GetSession(  # noqa: N802
        self, request: pb.GetSessionRequest, context: Context
    ) -> pb.GetSessionResponse:
        """One session."""
        session_id = ids.check_id(request.session_id, "session_id")
        seen = sessions.seen_from_proto(request)
        session = await self._use.sessions.session(identity.tenant(), session_id, seen)
        return pb.GetSessionResponse(session=sessions.session_to_proto(session, with_state=True))

    async def ListSessions(  # noqa: N802
        self, request: pb.ListSessionsRequest, context: Context
    ) -> pb.ListSessionsResponse:
        """A page of sessions."""
        listing = sessions.listing_from_proto(request, self._registry)
        size = pages.size(request.page_size)
        query = f"sessions {listing!r}"
        behind = sessions.page_start(request.page_token, query)
        found = await self._reader.sessions(identity.tenant(), listing, behind, size + 1)
        response = pb.ListSessionsResponse(
            sessions=[sessions.session_to_proto(session, with_state=False) for session in found[:size]]
        )
        if len(found) > size:
            response.next_page_token = sessions.page_token(found[size - 1], query)
        return response

    async def UpdateSession(  # noqa: N802
        self, request: pb.UpdateSessionRequest, context: Context
    ) -> pb.UpdateSessionResponse:
        """Change variables, or the step of a scenario."""
        identity.require_role(*_OPERATORS)
        edit, version, asked = sessions.edit_from_proto(request, self._use.limits)
        operator = Operator(identity.current().subject, request.reason)
        session = await self._use.update(
            identity.tenant(), request.session_id, edit, version, operator, asked
        )
        return pb.UpdateSessionResponse(session=sessions.session_to_proto(session, with_state=True))

    async def EndSession(  # noqa: N802
        self, request: pb.EndSessionRequest, context: Context
    ) -> pb.EndSessionResponse:
        """End a session."""
        asked = sessions.end_from_proto(request)
        operator = Operator(identity.current().subject, request.reason)
        session = await self._use.end(identity.tenant(), request.session_id, operator, asked)
        return pb.EndSessionResponse(session=sessions.session_to_proto(session, with_state=True))

    async def ListTurns(  # noqa: N802
        self, request: pb.ListTurnsRequest, context: Context
    ) -> pb.ListTurnsResponse:
        """A page of a session's turns."""
        session_id = ids.check_id(request.session_id, "session_id")
        size = pages.size(request.page_size)
        query = f"turns {session_id}"
        before = requests.page_start(request.page_token, query)
        tenant_id = identity.tenant()
        await self._use.sessions.session(tenant_id, session_id, 0)
        found = await self._reader.turns(tenant_id, session_id, before, size + 1)
        response = pb.ListTurnsResponse(turns=[turns.turn_to_proto(turn) for turn in found[:size]])
        if len(found) > size:
            response.next_page_token = pages.token(found[size - 1].turn_id, query)
        return response

    async def ListMessages(  # noqa: N802
        self, request: pb.ListMessagesRequest, context: Context
    ) -> pb.ListMessagesResponse:
        """A page of a session's messages."""
        session_id = ids.check_id(request.session_id, "session_id")
        size = pages.size(request.page_size)
        query = f"messages {session_id}"
        before = sessions.sequence_start(request.page_token, query)
        tenant_id = identity.tenant()
        await self._use.sessions.session(tenant_id, session_id, 0)
        found = await self._reader.messages(tenant_id, session_id, before, size + 1)
        response = pb.ListMessagesResponse(messages=map(values.message_to_proto, found[:size]))
        if len(found) > size:
            response.next_page_token = pages.token(str(found[size - 1].sequence), query)
        return response

    async def ListOpenTurns(  # noqa: N802
        self, request: pb.ListOpenTurnsRequest, context: Context
    ) -> pb.ListOpenTurnsResponse:
        """A page of turns that have not ended."""
        min_age_s = requests.age_from_proto(request.min_age)
        size = pages.size(request.page_size)
        query = f"open turns {min_age_s}"
        after = requests.page_start(request.page_token, query)
        found = await self._reader.open_turns(identity.tenant(), min_age_s, after, size + 1)
        response = pb.ListOpenTurnsResponse(turns=[turns.turn_to_proto(turn) for turn in found[:size]])
        if len(found) > size:
            response.next_page_token = pages.token(found[size - 1].turn_id, query)
        return response

    async def ListPinnedVersions(  # noqa: N802
        self, request: pb.ListPinnedVersionsRequest, context: Context
    ) -> pb.ListPinnedVersionsResponse:
        """Bundle versions in use."""
        agent_id = ids.check_id(request.agent_id, "agent_id")
        found = await self._reader.pinned_versions(identity.tenant(), agent_id)
        return pb.ListPinnedVersionsResponse(
            versions=[pb.PinnedVersion(version=version, sessions=count) for version, count in found.items()]
        )

    async def GetTurn(  # noqa: N802
        self, request: pb.GetTurnRequest, context: Context
    ) -> pb.GetTurnResponse:
        """One turn."""
        turn_id = ids.check_id(request.turn_id, "turn_id")
        turn = await self._reader.turn(identity.tenant(), turn_id)
        return pb.GetTurnResponse(turn=turns.turn_to_proto(turn))
