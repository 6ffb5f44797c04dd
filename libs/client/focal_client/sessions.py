"""Look at sessions and their turns, and change what an operator may change."""

from collections.abc import Mapping
from typing import Any

import grpc

from focal.turn.v1 import session_pb2, turn_pb2
from focal.turn.v1 import session_service_pb2 as service
from focal.turn.v1 import session_service_pb2_grpc as service_grpc
from focal_client import calls, channels
from focal_kernel import ids

TIMEOUT_S = 10.0


class Sessions:
    """The session calls of one client; all raise CallFailed."""

    def __init__(self, channel: grpc.aio.Channel, token: channels.Token) -> None:
        self._stub = service_grpc.SessionServiceStub(channel)
        self._token = token

    async def get(self, session_id: str, *, seen_offset: int | None = None) -> session_pb2.Session:
        """One session with its state, as it stands now. Whoever asks often says which event it has seen, 0
        for none, and gets that one and all before it, maybe not later ones.
        """
        request = service.GetSessionRequest(session_id=session_id, seen_offset=seen_offset)
        answer = await calls.unary(self._stub.GetSession, request, self._token, TIMEOUT_S)
        return answer.session

    async def list(
        self, *, page_size: int = 20, page_token: str = "", **matching: Any
    ) -> service.ListSessionsResponse:
        """A page of sessions without their state. `matching` are filters and order as
        `ListSessionsRequest` names them; the latest created first by default.
        """
        request = service.ListSessionsRequest(page_size=page_size, page_token=page_token, **matching)
        return await calls.unary(self._stub.ListSessions, request, self._token, TIMEOUT_S)

    async def update(
        self,
        session_id: str,
        variables_json: Mapping[str, str] | None = None,
        *,
        request_id: str = "",
        **change: str,
    ) -> session_pb2.Session:
        """Set variables, each to a JSON text, or remove them (`null`). `change` may hold `scenario_id` with
        `step_id`, `leave_scenario_id`, `etag` and `reason`.
        """
        request = service.UpdateSessionRequest(
            session_id=session_id,
            variables_json=variables_json,
            request_id=request_id or ids.new_id("req"),
            **change,
        )
        answer = await calls.unary(self._stub.UpdateSession, request, self._token, TIMEOUT_S)
        return answer.session

    async def end(self, session_id: str, *, reason: str = "", request_id: str = "") -> session_pb2.Session:
        """End a session; what was acknowledged in it is still answered."""
        request = service.EndSessionRequest(
            session_id=session_id, reason=reason, request_id=request_id or ids.new_id("req")
        )
        answer = await calls.unary(self._stub.EndSession, request, self._token, TIMEOUT_S)
        return answer.session

    async def messages(
        self, session_id: str, *, page_size: int = 20, page_token: str = ""
    ) -> service.ListMessagesResponse:
        """A page of what the customer wrote, the latest first."""
        request = service.ListMessagesRequest(
            session_id=session_id, page_size=page_size, page_token=page_token
        )
        return await calls.unary(self._stub.ListMessages, request, self._token, TIMEOUT_S)

    async def turns(
        self, session_id: str, *, page_size: int = 20, page_token: str = ""
    ) -> service.ListTurnsResponse:
        """A page of a session's turns, newest first."""
        request = service.ListTurnsRequest(session_id=session_id, page_size=page_size, page_token=page_token)
        return await calls.unary(self._stub.ListTurns, request, self._token, TIMEOUT_S)

    async def open_turns(
        self, *, min_age_s: float = 0, page_size: int = 20, page_token: str = ""
    ) -> service.ListOpenTurnsResponse:
        """A page of turns that have not ended and were opened at least so many seconds ago, oldest first."""
        request = service.ListOpenTurnsRequest(page_size=page_size, page_token=page_token)
        request.min_age.FromMilliseconds(round(min_age_s * 1000))
        return await calls.unary(self._stub.ListOpenTurns, request, self._token, TIMEOUT_S)

    async def turn(self, turn_id: str) -> turn_pb2.Turn:
        """One turn."""
        request = service.GetTurnRequest(turn_id=turn_id)
        answer = await calls.unary(self._stub.GetTurn, request, self._token, TIMEOUT_S)
        return answer.turn
