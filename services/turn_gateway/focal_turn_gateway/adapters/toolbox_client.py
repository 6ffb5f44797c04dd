"""Fences a session at the toolbox before an attempt that follows an uncommitted one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc.aio

from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as api
from focal_service_kit import errors as wire
from focal_turn_gateway import errors
from focal_turn_gateway.domain.turns import Attempt
from focal_turn_gateway.ports import Fenced


class GrpcEffectFence:
    """`ports.EffectFence`. `token` mints the attempt's token, `timeout_s` bounds the wait in seconds."""

    def __init__(self, channel: grpc.aio.Channel, token: Callable[[Attempt], str], timeout_s: float) -> None:
        self._stub: Any = api.ToolboxServiceStub(channel)
        self._token = token
        self._timeout_s = timeout_s

    async def fence(self, attempt: Attempt) -> Fenced:
        """Raise the session's fence to the attempt's epoch. Raises AttemptLost, AttemptFailed."""
        request = pb.FenceRequest(
            session_id=attempt.session_id, epoch=attempt.epoch, turn_group_id=attempt.turn_group_id
        )
        try:
            response: pb.FenceResponse = await self._stub.Fence(
                request,
                timeout=self._timeout_s,
                metadata=(("authorization", f"Bearer {self._token(attempt)}"),),
                wait_for_ready=True,
            )
        except grpc.aio.AioRpcError as error:
            raise errors.AttemptFailed(wire.from_rpc(error).reason, fatal=False) from error
        if response.epoch > attempt.epoch:
            raise errors.AttemptLost
        return Fenced(tuple(effect.SerializeToString() for effect in response.effects))
