"""`focal turns` against a scripted gateway."""

from dataclasses import dataclass, field
from typing import Any

import grpc

from focal.turn.v1 import message_pb2, session_service_pb2_grpc, turn_pb2
from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from tests.fakes import gateway_server
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh


@dataclass
class Gateway(api.TurnGatewayServiceServicer, session_service_pb2_grpc.SessionServiceServicer):
    """One open turn; notes what was asked."""

    seen: list[Any] = field(default_factory=list)

    async def ListOpenTurns(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        turn = turn_pb2.Turn(
            turn_id="trn_1", session_id="ses_1", status=turn_pb2.TURN_STATUS_PROCESSING, attempt=2
        )
        turn.opened_at.GetCurrentTime()
        return session_pb.ListOpenTurnsResponse(turns=[turn])

    async def CancelTurn(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        if request.session_id == "ses_idle":
            await gateway_server.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NO_RUNNING_TURN")
        turn = turn_pb2.Turn(turn_id="trn_1", status=turn_pb2.TURN_STATUS_CANCELLED)
        message = message_pb2.Message(message_id="msg_1", text="hello")
        return pb.CancelTurnResponse(turn=turn, open_messages=[message])


def register(gateway: Gateway, server: grpc.aio.Server) -> None:
    api.add_TurnGatewayServiceServicer_to_server(gateway, server)
    session_service_pb2_grpc.add_SessionServiceServicer_to_server(gateway, server)


async def test_stuck_turns_are_shown_and_cancelled(fake_mesh: FakeMesh) -> None:
    gateway = Gateway()
    async with serving(register, gateway) as target:
        fake_mesh.at({"turn_gateway": target})
        shown = await fake_mesh.terminal.focal("turns", "stuck", "--older-than", "90")
        assert "trn_1" in shown.output
        assert "processing" in shown.output
        listed = await fake_mesh.terminal.focal("turns", "stuck", "--json")
        assert listed.documents[0][0]["session_id"] == "ses_1"
        stopped = await fake_mesh.terminal.focal("turns", "cancel", "ses_1", "--reason", "hangs", "--json")
        assert stopped.documents[0]["open_messages"][0]["text"] == "hello"
        idle = await fake_mesh.terminal.focal("turns", "cancel", "ses_idle")
    assert [request.min_age.seconds for request in gateway.seen[:2]] == [90, 60]
    assert gateway.seen[2].reason == "hangs"
    assert gateway.seen[2].request_id
    assert idle.code == 1
    assert "focal turns stuck" in idle.errors
