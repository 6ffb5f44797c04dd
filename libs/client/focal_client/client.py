"""The client: one channel to a gateway and the calls that a front end needs."""

from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

import grpc

from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal.turn.v1 import turn_gateway_service_pb2_grpc as gateway_grpc
from focal_client import calls, channels, conversation, event_log, events, sessions, watch
from focal_kernel import ids

SUBMIT_TIMEOUT_S = 10.0
REPLY_TIMEOUT_S = 60.0
CANCEL_TIMEOUT_S = 30.0


class FocalClient:
    """Speaks to one gateway as one caller; use it as an async context manager."""

    def __init__(self, channel: grpc.aio.Channel, token: channels.Token) -> None:
        self._channel = channel
        self._token = token
        self._stub = gateway_grpc.TurnGatewayServiceStub(channel)
        self.sessions = sessions.Sessions(channel, token)

    @classmethod
    def connect(cls, target: str, *, token: channels.Token, tls: channels.Tls | None = None) -> Self:
        """A client for a gRPC target such as ``gateway.example:7401``; it connects when used.

        Call it from a coroutine.
        """
        return cls(channels.channel(target, tls), token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channel; running calls are cancelled."""
        await self._channel.close()

    async def submit(
        self,
        text: str,
        *,
        agent_id: str,
        channel: str,
        channel_user_id: str,
        request_id: str = "",
        timeout_s: float = SUBMIT_TIMEOUT_S,
    ) -> events.Accepted:
        """Store a message and return when it is durable; the reply is an event of the session.

        Safe to repeat with the same ``request_id``; without one, each call makes a new one. Raises
        CallFailed.
        """
        request = gateway.SubmitMessageRequest(
            address=_address(agent_id, channel, channel_user_id),
            content=gateway.MessageContent(text=text),
            request_id=request_id or ids.new_id("req"),
        )
        stored = await calls.unary(self._stub.SubmitMessage, request, self._token, timeout_s)
        return events.Accepted(
            request.request_id,
            stored.message_id,
            stored.session_id,
            stored.sequence,
            stored.duplicate,
        )

    async def send(
        self,
        text: str,
        *,
        agent_id: str,
        channel: str,
        channel_user_id: str,
        request_id: str = "",
        timeout_s: float = REPLY_TIMEOUT_S,
    ) -> gateway.SendMessageResponse:
        """Store a message and wait for the turn that answers it.

        When the time is over first the message is still answered: repeat with the same
        ``request_id`` to fetch the reply. Raises CallFailed.
        """
        request = gateway.SendMessageRequest(
            address=_address(agent_id, channel, channel_user_id),
            content=gateway.MessageContent(text=text),
            request_id=request_id or ids.new_id("req"),
        )
        return await calls.unary(self._stub.SendMessage, request, self._token, timeout_s)

    async def cancel_turn(
        self,
        session_id: str,
        *,
        turn_id: str = "",
        reason: str = "",
        request_id: str = "",
        timeout_s: float = CANCEL_TIMEOUT_S,
    ) -> gateway.CancelTurnResponse:
        """Stop a turn, or whichever runs in the session; its messages stay unanswered. Raises CallFailed."""
        request = gateway.CancelTurnRequest(
            session_id=session_id,
            turn_id=turn_id,
            reason=reason,
            request_id=request_id or ids.new_id("req"),
        )
        return await calls.unary(self._stub.CancelTurn, request, self._token, timeout_s)

    async def confirm(
        self,
        session_id: str,
        confirmation_id: str,
        accepted: bool,
        *,
        as_operator: bool = False,
        request_id: str = "",
        timeout_s: float = SUBMIT_TIMEOUT_S,
    ) -> gateway.ConfirmActionResponse:
        """Answer the question whether a tool may be called, for the customer, or with the role ``admin`` for
        the tenant (``as_operator``). A turn tells what came of it. Raises CallFailed.
        """
        request = gateway.ConfirmActionRequest(
            session_id=session_id,
            confirmation_id=confirmation_id,
            accepted=accepted,
            as_operator=as_operator,
            request_id=request_id or ids.new_id("req"),
        )
        return await calls.unary(self._stub.ConfirmAction, request, self._token, timeout_s)

    def conversation(
        self,
        agent_id: str,
        channel: str,
        channel_user_id: str,
        *,
        after_offset: int | None = None,
    ) -> conversation.Conversation:
        """A streaming conversation; ``after_offset`` resumes one after an event seen before."""
        return conversation.Conversation(
            lambda: self._stub.Converse(metadata=channels.metadata(self._token)),
            _address(agent_id, channel, channel_user_id),
            after_offset=after_offset,
        )

    def watch(
        self,
        session_id: str,
        *,
        from_offset: int = 0,
        events_only: bool = False,
        patterns: Sequence[str] = (),
    ) -> AsyncIterator[events.Frame]:
        """Follow a session: stored events after ``from_offset``, then live ones. Raises CallFailed.

        ``patterns`` choose events by name: ``tool.*``, ``infra.turn.completed``; none for all.
        """
        request = gateway.WatchSessionRequest(
            session_id=session_id, after_offset=from_offset, events_only=events_only, patterns=patterns
        )
        return watch.frames(self._stub, self._token, request)

    def events(
        self,
        patterns: Sequence[str] = (),
        *,
        agent_id: str = "",
        after_position: str = "",
        from_oldest: bool = False,
    ) -> AsyncIterator[event_log.LoggedEvent]:
        """Follow the events of all sessions of the tenant; the token needs the role ``admin``.

        Without ``after_position``, which an earlier event gave, it begins with what comes next, or with
        the oldest event that is kept. Raises CallFailed.
        """
        request = event_log.wanted(patterns, agent_id, after_position, from_oldest=from_oldest)
        return event_log.events(self._channel, self._token, request)


def _address(agent_id: str, channel: str, channel_user_id: str) -> gateway.Address:
    return gateway.Address(agent_id=agent_id, channel=channel, channel_user_id=channel_user_id)
