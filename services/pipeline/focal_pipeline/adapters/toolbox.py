"""Tools through the toolbox service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio

from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as messages
from focal.toolbox.v1.toolbox_service_pb2_grpc import ToolboxServiceStub
from focal_kernel import canonical_json
from focal_pipeline import errors
from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.tools import Call, Context, Outcome, Question, Reply, Status
from focal_service_kit import errors as rpc_errors
from focal_service_kit import logging

NAME = "toolbox"
ANSWER_LOST = "toolbox_lost"
PAUSE_S = 0.2

Started = Callable[[str], Awaitable[None]]

_log = logging.get("toolbox")

_STATUS = {
    tool_pb2.TOOL_STATUS_SUCCESS: Status.SUCCESS,
    tool_pb2.TOOL_STATUS_CACHED: Status.CACHED,
    tool_pb2.TOOL_STATUS_ERROR: Status.ERROR,
    tool_pb2.TOOL_STATUS_REFUSED: Status.REFUSED,
    tool_pb2.TOOL_STATUS_STARTED: Status.STARTED,
}
"""A status that is not in the table is read as IN_DOUBT."""


class ToolboxClient:
    """Implements the port `Toolbox`.

    While the toolbox is away the same call is repeated for `unavailable_s` seconds: unlike other
    streams this one is keyed, the ledger makes a repetition harmless. It keeps the fact that no message
    waited: the first request may have reserved the effect, and what comes after that waits for its turn.
    `margin_s` is what the toolbox may take beyond the tool's own limit.
    """

    def __init__(self, channel: grpc.aio.Channel, *, margin_s: float, unavailable_s: float) -> None:
        self._stub = ToolboxServiceStub(channel)
        self._margin_s = margin_s
        self._unavailable_s = unavailable_s

    async def execute(self, context: Context, call: Call, on_started: Started) -> Outcome:
        """See Toolbox."""
        request = messages.ExecuteRequest(context=_context(context, call), call=_call(call))
        limit_s = (call.timeout_s or 0) + self._margin_s
        give_up_at = asyncio.get_running_loop().time() + self._unavailable_s
        while True:
            try:
                return await self._once(request, limit_s, on_started)
            except grpc.aio.AioRpcError as failure:
                if not _away(failure) or asyncio.get_running_loop().time() >= give_up_at:
                    return _without_answer(call, failure)
            await asyncio.sleep(PAUSE_S)

    async def confirm(self, session_id: str, reply: Reply) -> None:
        """See Toolbox. The same answer again is the same answer, so it is repeated like a call."""
        request = messages.ConfirmRequest(
            session_id=session_id,
            confirmation_id=reply.confirmation_id,
            accepted=reply.accepted,
            request_id=reply.request_id,
            turn_group_id=reply.turn_group_id,
        )
        give_up_at = asyncio.get_running_loop().time() + self._unavailable_s
        while True:
            try:
                await self._stub.Confirm(request, timeout=self._margin_s)
            except grpc.aio.AioRpcError as failure:
                if _away(failure) and asyncio.get_running_loop().time() < give_up_at:
                    await asyncio.sleep(PAUSE_S)
                    continue
                reason = rpc_errors.from_rpc(failure).reason
                _log.warning("answer not recorded", confirmation=reply.confirmation_id, reason=reason)
            return

    async def _once(self, request: messages.ExecuteRequest, limit_s: float, on_started: Started) -> Outcome:
        call = self._stub.Execute(request, timeout=limit_s)
        try:
            async for frame in call:
                match frame.WhichOneof("event"):
                    case "started":
                        await on_started(frame.started.effect_id)
                    case "result":
                        return _outcome(frame.result)
        finally:
            call.cancel()
        return Outcome(request.call.tool_name, Status.IN_DOUBT, error_reason=ANSWER_LOST)


def _away(failure: grpc.aio.AioRpcError) -> bool:
    return failure.code() is grpc.StatusCode.UNAVAILABLE


def _without_answer(call: Call, failure: grpc.aio.AioRpcError) -> Outcome:
    """What no answer means: of a look-up nothing, of an effect that nobody knows.

    A refusal of the request itself came before anything was sent to a provider.
    """
    error = rpc_errors.from_rpc(failure)
    _log.warning("tool call without answer", tool=call.tool_name, reason=error.reason)
    if error.reason == "FENCED":
        raise errors.Fenced from None
    if call.policy is SideEffect.PURE or failure.code() in _BEFORE_SENDING:
        return Outcome(call.tool_name, Status.ERROR, error_reason=error.reason)
    return Outcome(
        call.tool_name,
        Status.IN_DOUBT,
        error_reason=ANSWER_LOST,
        commit_point_reached=call.policy is SideEffect.IRREVERSIBLE,
    )


_BEFORE_SENDING = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
}


def _context(context: Context, call: Call) -> tool_pb2.ToolContext:
    return tool_pb2.ToolContext(
        agent_id=context.agent_id,
        config_version=context.config_version,
        session_id=context.session_id,
        turn_id=context.turn_id,
        turn_group_id=call.turn_group_id,
        epoch=context.epoch,
        customer_id=context.customer_id,
        no_pending_messages=context.no_pending_messages,
    )


def _call(call: Call) -> tool_pb2.ToolCall:
    return tool_pb2.ToolCall(
        tool_name=call.tool_name,
        arguments_json=call.arguments_json,
        occurrence=call.occurrence,
        critical=call.critical,
        no_retry=call.no_retry,
    )


def _outcome(result: tool_pb2.ToolResult) -> Outcome:
    return Outcome(
        tool_name=result.tool_name,
        status=_STATUS.get(result.status, Status.IN_DOUBT),
        result=canonical_json.loads(result.result_json) if result.result_json else None,
        error_reason=result.error_reason,
        error_message=result.error_message,
        effect_id=result.effect_id,
        commit_point_reached=result.commit_point_reached,
        question=_question(result.confirmation) if result.HasField("confirmation") else None,
    )


def _question(asked: tool_pb2.Confirmation) -> Question:
    return Question(
        confirmation_id=asked.confirmation_id,
        prompt=asked.prompt,
        for_operator=asked.approver == tool_pb2.APPROVER_OPERATOR,
        expires_at=asked.expires_at.ToJsonString(),
    )
