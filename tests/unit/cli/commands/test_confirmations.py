"""`focal confirmations` against a scripted toolbox and gateway."""

from dataclasses import dataclass, field
from typing import Any

from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as toolbox_api
from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal.turn.v1 import turn_gateway_service_pb2_grpc as gateway_api
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh


@dataclass
class Toolbox(toolbox_api.ToolboxServiceServicer):
    """Two pages of confirmations: an operator's, then a customer's."""

    asked: list[pb.ListConfirmationsRequest] = field(default_factory=list)

    async def ListConfirmations(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        first = not request.page_token
        confirmation = tool_pb2.Confirmation(
            confirmation_id="cnf_2" if first else "cnf_1",
            session_id="ses_1",
            tool_name="pay",
            prompt="Pay 59.90?",
            approver=tool_pb2.APPROVER_OPERATOR if first else tool_pb2.APPROVER_CUSTOMER,
            state=tool_pb2.CONFIRMATION_STATE_ASKED,
        )
        return pb.ListConfirmationsResponse(
            confirmations=[confirmation], next_page_token="next" if first else ""
        )


@dataclass
class Gateway(gateway_api.TurnGatewayServiceServicer):
    """Takes every answer."""

    answers: list[gateway.ConfirmActionRequest] = field(default_factory=list)

    async def ConfirmAction(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.answers.append(request)
        return gateway.ConfirmActionResponse(turn_id="trn_7")


async def test_confirmations_are_listed_and_answered_for_whoever_was_asked(fake_mesh: FakeMesh) -> None:
    toolbox, answering = Toolbox(), Gateway()
    async with (
        serving(toolbox_api.add_ToolboxServiceServicer_to_server, toolbox) as tools,
        serving(gateway_api.add_TurnGatewayServiceServicer_to_server, answering) as turns,
    ):
        fake_mesh.at({"toolbox": tools, "turn_gateway": turns})
        focal = fake_mesh.terminal.focal
        listed = await focal("confirmations", "list", "--json")
        assert [each["confirmation_id"] for each in listed.documents[0]] == ["cnf_2", "cnf_1"]
        table = await focal("confirmations", "list", "--limit", "1", "--state", "asked", "--session", "ses_1")
        assert "Pay 59.90?" in table.output
        told = await focal("confirmations", "accept", "cnf_1")
        assert "trn_7" in told.output
        shown = await focal("confirmations", "decline", "cnf_2", "--json")
        assert shown.documents[0]["turn_id"] == "trn_7"
        gone = await focal("confirmations", "accept", "cnf_9")
        assert (gone.code, "focal confirmations list" in gone.errors) == (1, True)
    assert (toolbox.asked[2].session_id, toolbox.asked[2].state) == (
        "ses_1",
        tool_pb2.CONFIRMATION_STATE_ASKED,
    )
    yes, no = answering.answers
    assert (yes.confirmation_id, yes.accepted, yes.as_operator) == ("cnf_1", True, False)
    assert (no.confirmation_id, no.accepted, no.as_operator) == ("cnf_2", False, True)
