"""The turn gateway, where follow-up turns are opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_pb2
from focal.turn.v1.turn_gateway_service_pb2_grpc import TurnGatewayServiceStub
from focal_kernel import canonical_json
from focal_service_kit import errors as wire
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.report import FollowUp

NAME = "turn_gateway"

_ENDED_WELL = {State.DONE, State.COMPENSATING, State.COMPENSATED}


class TurnGateway:
    """Conversations behind a TurnGatewayService. `authorize` mints a token for a tenant."""

    def __init__(
        self, stub: TurnGatewayServiceStub, authorize: Callable[[str], str], timeout_s: float
    ) -> None:
        self._stub: Any = stub
        self._authorize = authorize
        self._timeout_s = timeout_s

    async def follow_up(self, follow_up: FollowUp) -> None:
        effect = follow_up.effect
        request = pb.TriggerTurnRequest(
            session_id=effect.session_id,
            cause=turn_pb2.TURN_CAUSE_EFFECT_RESOLVED
            if effect.resolution
            else turn_pb2.TURN_CAUSE_TOOL_RESULT,
            cause_id=effect.effect_id,
            payload_json=canonical_json.dumps(_payload(effect)),
            # The same effect may be tried and reported on again, but not under the same reservation.
            request_id=f"{effect.effect_id}:{effect.reservation_id}",
        )
        token = self._authorize(effect.tenant_id)
        try:
            await self._stub.TriggerTurn(
                request, timeout=self._timeout_s, metadata=(("authorization", f"Bearer {token}"),)
            )
        except grpc.aio.AioRpcError as failure:
            raise wire.from_rpc(failure) from None


def _payload(effect: Effect) -> dict[str, Any]:
    """What the turn is told: `status` SUCCESS with `result`, or ERROR with `reason`. `text` is what rules are
    matched with, so it holds nothing of the result, whose words are nobody's wish.
    """
    told: dict[str, Any] = {"tool": effect.tool_name, "effect_id": effect.effect_id}
    if effect.state in _ENDED_WELL:
        result = canonical_json.loads(effect.result_json or "null")
        text = f"The result of {effect.tool_name} has come."
        return {**told, "status": "SUCCESS", "result": result, "text": text}
    text = f"{effect.tool_name} has failed."
    return {**told, "status": "ERROR", "reason": effect.error_reason, "text": text}
