"""`focal.turn.v1.TurnGatewayService`."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc.aio

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_kernel import ids
from focal_service_kit import deadlines, identity
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import requests, turns, values
from focal_turn_gateway.core.cancel_turn import CancelTurn
from focal_turn_gateway.core.confirm_action import ConfirmAction
from focal_turn_gateway.core.send import Send
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.core.trigger_turn import TriggerTurn
from focal_turn_gateway.domain import event_names
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.messages import Accepted, Submission
from focal_turn_gateway.ports.sessions import Sessions
from focal_turn_gateway.settings.limits import Limits
from focal_turn_gateway.transport import vouching
from focal_turn_gateway.transport.conversation import Conversing
from focal_turn_gateway.transport.watching import Watching

Context = grpc.aio.ServicerContext[Any, Any]
_OPERATORS = ("admin",)
_MARGIN_S = 0.1
"""Kept of a caller's deadline, so that the answer says what became of the message instead of a bare
timeout.
"""


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the calls come to."""

    submit: Submit
    registry: Registry
    send: Send
    trigger: TriggerTurn
    confirm: ConfirmAction
    cancel: CancelTurn
    sessions: Sessions
    conversing: Conversing
    watching: Watching


class TurnGatewayServicer(api.TurnGatewayServiceServicer):
    """Where messages come in and replies go out."""

    def __init__(self, use: UseCases, limits: Limits) -> None:
        self._use = use
        self._limits = limits

    async def SubmitMessage(  # noqa: N802
        self, request: pb.SubmitMessageRequest, context: Context
    ) -> pb.SubmitMessageResponse:
        """Store a message and acknowledge it."""
        accepted = await self._use.submit(self._submission(request))
        _tell_rate(context, accepted)
        response = pb.SubmitMessageResponse(
            message_id=accepted.message_id,
            session_id=accepted.session_id,
            sequence=accepted.sequence,
            duplicate=accepted.duplicate,
        )
        response.received_at.FromDatetime(accepted.received_at)
        return response

    async def SendMessage(  # noqa: N802
        self, request: pb.SendMessageRequest, context: Context
    ) -> pb.SendMessageResponse:
        """Store a message and wait for its turn."""
        left = deadlines.remaining()
        timeout_s = None if left is None else max(0.0, left - _MARGIN_S)
        accepted, turn = await self._use.send(self._submission(request), timeout_s)
        _tell_rate(context, accepted)
        return pb.SendMessageResponse(
            message_id=accepted.message_id,
            session_id=accepted.session_id,
            turn=turns.turn_to_proto(turn),
            duplicate=accepted.duplicate,
        )

    async def Converse(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.ConverseRequest], context: Context
    ) -> AsyncIterator[pb.ConverseResponse]:
        """Hold one conversation."""
        first = await anext(aiter(request_iterator), None)
        if first is None or first.WhichOneof("frame") != "setup":
            raise errors.StreamProtocol("the first frame must be setup")
        tenant_id = identity.tenant(first.setup.tenant_id)
        verified = vouching.verified(first.setup.address)
        conversation = await self._use.conversing.begin(
            tenant_id, identity.current().tier, first.setup, verified=verified
        )
        async with aclosing(conversation.run(aiter(request_iterator))) as frames:
            async for frame in frames:
                yield frame

    async def WatchSession(  # noqa: N802
        self, request: pb.WatchSessionRequest, context: Context
    ) -> AsyncIterator[pb.WatchSessionResponse]:
        """Follow a session from an offset."""
        offset = requests.offset_from_proto(request.after_offset)
        session_id = ids.check_id(request.session_id, "session_id")
        session = await self._use.sessions.session(identity.tenant(), session_id, 0)
        patterns = event_names.checked_patterns(request.patterns)
        watched = self._use.watching(session, offset, events_only=request.events_only, patterns=patterns)
        async with aclosing(watched) as frames:
            async for frame in frames:
                yield frame

    async def TriggerTurn(  # noqa: N802
        self, request: pb.TriggerTurnRequest, context: Context
    ) -> pb.TriggerTurnResponse:
        """Open a turn without a customer message."""
        asked = requests.trigger_from_proto(identity.tenant(), request, self._limits.max_trigger_bytes)
        opened = await self._use.trigger(*asked)
        return pb.TriggerTurnResponse(turn_id=opened.turn_id, already_open=opened.already_open)

    async def ConfirmAction(  # noqa: N802
        self, request: pb.ConfirmActionRequest, context: Context
    ) -> pb.ConfirmActionResponse:
        """Answer the question whether a tool may be called."""
        operator = identity.require_role(*_OPERATORS).subject if request.as_operator else ""
        answer = requests.answer_from_proto(identity.tenant(), request.session_id, request, operator)
        answered = await self._use.confirm(answer)
        response = pb.ConfirmActionResponse(turn_id=answered.turn_id, already_open=answered.already_open)
        response.expires_at.FromDatetime(answered.expires_at)
        return response

    async def CancelTurn(  # noqa: N802
        self, request: pb.CancelTurnRequest, context: Context
    ) -> pb.CancelTurnResponse:
        """Stop a turn."""
        asked = requests.cancel_from_proto(request)
        by = identity.current().subject
        turn, messages = await self._use.cancel(
            identity.tenant(), request.session_id, request.turn_id, by, request.reason, asked
        )
        return pb.CancelTurnResponse(
            turn=turns.turn_to_proto(turn), open_messages=map(values.message_to_proto, messages)
        )

    def _submission(self, request: pb.SubmitMessageRequest | pb.SendMessageRequest) -> Submission:
        return requests.submission_from_proto(
            identity.tenant(request.tenant_id),
            requests.address_from_proto(request.address, self._use.registry),
            request.content,
            request.request_id,
            self._limits.max_text_chars,
            identity.current().tier,
            address_verified=vouching.verified(request.address),
        )


def _tell_rate(context: Context, accepted: Accepted) -> None:
    """What the tenant's window leaves; `reset` in whole seconds."""
    if (allowance := accepted.allowance) is not None and allowance.limit:
        context.set_trailing_metadata(
            (
                ("x-ratelimit-limit", str(allowance.limit)),
                ("x-ratelimit-remaining", str(allowance.remaining)),
                ("x-ratelimit-reset", str(math.ceil(allowance.reset_s))),
            )
        )
