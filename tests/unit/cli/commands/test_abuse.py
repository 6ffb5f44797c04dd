"""`focal abuse` against a scripted gateway."""

from dataclasses import dataclass, field
from typing import Any

import grpc

from focal.turn.v1 import abuse_pb2
from focal.turn.v1 import abuse_service_pb2 as pb
from focal.turn.v1 import abuse_service_pb2_grpc as api
from tests.fakes import gateway_server
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh

BOT = abuse_pb2.Abuse(
    abuse_id="abs_2",
    customer_id="cus_2",
    level=abuse_pb2.ABUSE_LEVEL_MEDIUM,
    cause=abuse_pb2.ABUSE_CAUSE_BOT,
    evidence={"turns": 12, "mean_s": 1.5},
)


@dataclass
class Desk(api.AbuseServiceServicer):
    """Two pages of entries; notes what is asked."""

    asked: list[Any] = field(default_factory=list)

    async def ListAbuse(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        if request.page_token:
            return pb.ListAbuseResponse(entries=[abuse_pb2.Abuse(customer_id="cus_1", lifted_by="ops")])
        return pb.ListAbuseResponse(entries=[BOT], next_page_token="next")

    async def BlockCustomer(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.customer_id == "cus_9":
            await gateway_server.refuse(context, grpc.StatusCode.NOT_FOUND, "CUSTOMER_NOT_FOUND")
        self.asked.append(request)
        entry = abuse_pb2.Abuse(customer_id=request.customer_id, level=request.level)
        if not request.permanent:
            entry.until.seconds = 3600 * request.hours
        return pb.BlockCustomerResponse(entry=entry)

    async def LiftAbuse(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        return pb.LiftAbuseResponse(entries=[BOT])


async def test_what_holds_is_listed_and_customers_are_blocked_and_let_in_again(fake_mesh: FakeMesh) -> None:
    desk = Desk()
    async with serving(api.add_AbuseServiceServicer_to_server, desk) as target:
        fake_mesh.at({"turn_gateway": target})
        listed = await fake_mesh.terminal.focal("abuse", "list", "--json")
        assert [entry["customer_id"] for entry in listed.documents[0]] == ["cus_2", "cus_1"]
        assert desk.asked[0].holding
        table = await fake_mesh.terminal.focal("abuse", "list", "--limit", "1", "--all")
        assert "mean_s=1.5 turns=12" in table.output
        assert not desk.asked[-1].holding

        blocked = await fake_mesh.terminal.focal(
            "abuse", "block", "cus_1", "--hours", "24", "--reason", "why"
        )
        assert blocked.output == "cus_1 is blocked until 1970-01-02T00:00+00:00.\n"
        assert desk.asked[-1].request_id
        restricted = await fake_mesh.terminal.focal(
            "abuse", "block", "cus_1", "--level", "medium", "--permanent", "--json"
        )
        assert restricted.documents == [{"customer_id": "cus_1", "level": "ABUSE_LEVEL_MEDIUM"}]
        lifted = await fake_mesh.terminal.focal("abuse", "lift", "cus_1", "--reason", "a mistake")
        assert lifted.output == "Lifted: 1\n"
        assert desk.asked[-1].reason == "a mistake"


async def test_a_customer_that_nobody_knows_says_how_to_mend(fake_mesh: FakeMesh) -> None:
    async with serving(api.add_AbuseServiceServicer_to_server, Desk()) as target:
        fake_mesh.at({"turn_gateway": target})
        unknown = await fake_mesh.terminal.focal("abuse", "block", "cus_9")
        assert unknown.code == 1
        assert "focal sessions list" in unknown.errors
