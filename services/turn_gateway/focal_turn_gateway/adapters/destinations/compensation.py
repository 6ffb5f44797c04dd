"""Effects that a committed turn does not rest on to the toolbox, which undoes each of them once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.aio

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as api
from focal_service_kit import errors as wire
from focal_turn_gateway import errors
from focal_turn_gateway.ports.delivery import ClaimedRow

_NEVER = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_UNDONE = effect_pb2.EFFECT_STATE_COMPENSATED
_DONE = frozenset({tool_pb2.TOOL_STATUS_SUCCESS, tool_pb2.TOOL_STATUS_CACHED})


class Compensations:
    """`ports.Destination`. `token` mints a token for the attempt that a row stems from, `timeout_s` bounds
    one call in seconds: the toolbox goes on without its caller, and a repeated call finds what it did.
    """

    def __init__(
        self, channel: grpc.aio.Channel, token: Callable[[ClaimedRow], str], timeout_s: float
    ) -> None:
        self._stub: Any = api.ToolboxServiceStub(channel)
        self._token = token
        self._timeout_s = timeout_s

    async def deliver(self, rows: Sequence[ClaimedRow]) -> None:
        """Have the effects of all rows undone. Raises Undeliverable when a person has to decide, NotUndoneYet
        when trying again may help.
        """
        ended = await asyncio.gather(*map(self._undo, rows), return_exceptions=True)
        failures = [each for each in ended if isinstance(each, BaseException)]
        if failures:
            raise failures[0]

    async def _undo(self, row: ClaimedRow) -> None:
        request = pb.CompensateRequest(
            context=tool_pb2.ToolContext(
                agent_id=row.payload["agent_id"],
                config_version=row.payload["config_version"],
                session_id=row.session_id,
                turn_id=row.payload["turn_id"],
                turn_group_id=row.payload["turn_group_id"],
                epoch=row.payload["epoch"],
                customer_id=row.payload["customer_id"],
            ),
            effect_ids=row.payload["effect_ids"],
            reason=row.payload["reason"],
        )
        try:
            response: pb.CompensateResponse = await self._stub.Compensate(
                request,
                timeout=self._timeout_s,
                metadata=(("authorization", f"Bearer {self._token(row)}"),),
            )
        except grpc.aio.AioRpcError as error:
            if error.code() in _NEVER:
                raise errors.Undeliverable(wire.from_rpc(error).reason) from error
            raise
        if any(effect.state != _UNDONE for effect in response.effects):
            found = _words(response.compensations)
            raise errors.NotUndoneYet(found) if response.repeat else errors.Undeliverable(found)


def _words(compensations: Sequence[pb.Compensation]) -> str:
    """What kept the effects from being undone."""
    return "; ".join(
        f"{each.effect_id} {each.result.error_reason or tool_pb2.ToolStatus.Name(each.result.status)}"
        for each in compensations
        if each.result.status not in _DONE
    )
