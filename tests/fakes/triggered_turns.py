"""A turn gateway that opens turns on demand, over real gRPC, and may be out of order for a while."""

# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1.turn_gateway_service_pb2_grpc import (
    TurnGatewayServiceServicer,
    add_TurnGatewayServiceServicer_to_server,
)
from focal_kernel.errors import FocalError
from focal_service_kit import identity
from focal_service_kit.host import Host
from tests.fakes import in_process


@dataclass
class TriggeredTurns(TurnGatewayServiceServicer):
    """`failures` are raised one per call before calls succeed; `opened` holds tenant and request of those
    that did, `calls` counts all of them."""

    failures: list[FocalError] = field(default_factory=list)
    opened: list[tuple[str, pb.TriggerTurnRequest]] = field(default_factory=list)
    calls: int = 0
    target: str = ""

    async def build(self, host: Host) -> None:
        add_TurnGatewayServiceServicer_to_server(self, host.server)
        host.serves("focal.turn.v1.TurnGatewayService")

    async def TriggerTurn(self, request: pb.TriggerTurnRequest, context: Any) -> pb.TriggerTurnResponse:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        self.opened.append((identity.tenant(), request))
        return pb.TriggerTurnResponse(turn_id=f"trn_{self.calls}")


@asynccontextmanager
async def serving(deployment: in_process.Deployment, *failures: FocalError) -> AsyncIterator[TriggeredTurns]:
    """The gateway of a deployment."""
    turns = TriggeredTurns(list(failures))
    async with in_process.serving("turn_gateway", turns.build, deployment=deployment) as running:
        turns.target = running.target
        yield turns
