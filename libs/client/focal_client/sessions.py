"""Look at sessions and their turns."""

import grpc

from focal.turn.v1 import session_pb2, turn_pb2
from focal.turn.v1 import session_service_pb2 as service
from focal.turn.v1 import session_service_pb2_grpc as service_grpc
from focal_client import calls, channels

TIMEOUT_S = 10.0


class Sessions:
    """The session calls of one client; all raise CallFailed."""

    def __init__(self, channel: grpc.aio.Channel, token: channels.Token) -> None:
        self._stub = service_grpc.SessionServiceStub(channel)
        self._token = token

    async def get(self, session_id: str) -> session_pb2.Session:
        """One session with its state."""
        request = service.GetSessionRequest(session_id=session_id)
        answer = await calls.unary(self._stub.GetSession, request, self._token, TIMEOUT_S)
        return answer.session

    async def list(
        self, *, agent_id: str = "", page_size: int = 20, page_token: str = ""
    ) -> service.ListSessionsResponse:
        """A page of sessions without their state, most recently updated first."""
        request = service.ListSessionsRequest(agent_id=agent_id, page_size=page_size, page_token=page_token)
        return await calls.unary(self._stub.ListSessions, request, self._token, TIMEOUT_S)

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
