"""Fences a session at the toolbox before an attempt that follows an uncommitted one, and before a cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import grpc.aio

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.toolbox.v1 import effect_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as api
from focal_service_kit import errors as wire
from focal_turn_gateway import errors
from focal_turn_gateway.domain.turns import Attempt, OpenTurn
from focal_turn_gateway.ports.pipeline import Fenced

_LATEST = 100
"""Effects looked at before a fence; the fence itself returns the whole group."""


class GrpcEffectFence:
    """`ports.EffectFence`. `token` mints the turn's token, `timeout_s` bounds the wait in seconds."""

    def __init__(
        self, channel: grpc.aio.Channel, token: Callable[[Attempt | OpenTurn], str], timeout_s: float
    ) -> None:
        self._stub: Any = api.ToolboxServiceStub(channel)
        self._token = token
        self._timeout_s = timeout_s

    async def fence(self, turn: Attempt | OpenTurn) -> Fenced:
        """Raise the session's fence to the turn's epoch. Raises AttemptLost, AttemptFailed."""
        request = pb.FenceRequest(
            session_id=turn.session_id, epoch=turn.epoch, turn_group_id=turn.turn_group_id
        )
        response: pb.FenceResponse = await self._call(self._stub.Fence, request, turn)
        if response.epoch > turn.epoch:
            raise errors.AttemptLost
        effects = tuple(effect.SerializeToString() for effect in response.effects)
        return Fenced(effects, _committed(response.effects))

    async def committed(self, turn: Attempt | OpenTurn) -> bool:
        """Whether an effect of the turn's group is past the commit point. Raises AttemptFailed."""
        request = pb.ListEffectsRequest(session_id=turn.session_id, page_size=_LATEST)
        response: pb.ListEffectsResponse = await self._call(self._stub.ListEffects, request, turn)
        return _committed(e for e in response.effects if e.turn_group_id == turn.turn_group_id)

    async def _call(self, method: Any, request: Any, turn: Attempt | OpenTurn) -> Any:
        try:
            return await method(
                request,
                timeout=self._timeout_s,
                metadata=(("authorization", f"Bearer {self._token(turn)}"),),
                wait_for_ready=True,
            )
        except grpc.aio.AioRpcError as error:
            raise errors.AttemptFailed(wire.from_rpc(error).reason, fatal=False) from error


def _committed(effects: Iterable[effect_pb2.Effect]) -> bool:
    """An irreversible effect counts from its reservation on, unless it is known that nothing happened."""
    return any(
        effect.policy == policies.SIDE_EFFECT_POLICY_IRREVERSIBLE
        and effect.state != effect_pb2.EFFECT_STATE_FAILED
        for effect in effects
    )
