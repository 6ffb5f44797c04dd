"""`focal deliveries` against a scripted gateway."""

from dataclasses import dataclass, field
from typing import Any

import grpc

from focal.turn.v1 import delivery_service_pb2 as pb
from focal.turn.v1 import delivery_service_pb2_grpc as api
from focal.turn.v1 import event_pb2
from tests.fakes import gateway_server
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh


@dataclass
class Desk(api.DeliveryServiceServicer):
    """Two pages of deliveries; notes what is asked and decided."""

    asked: list[pb.ListDeliveriesRequest] = field(default_factory=list)
    decided: list[pb.ResolveDeliveryRequest] = field(default_factory=list)

    async def ListDeliveries(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        name, following = {"": ("9", "next"), "next": ("7", "")}[request.page_token]
        delivery = pb.Delivery(
            delivery_id=name, state=event_pb2.DELIVERY_STATE_IN_DOUBT, recipient="+4930", reason="cut"
        )
        return pb.ListDeliveriesResponse(deliveries=[delivery], next_page_token=following)

    async def ResolveDelivery(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.delivery_id == "99":
            await gateway_server.refuse(context, grpc.StatusCode.NOT_FOUND, "DELIVERY_NOT_FOUND")
        self.decided.append(request)
        settled = pb.Delivery(delivery_id=request.delivery_id, state=event_pb2.DELIVERY_STATE_PENDING)
        return pb.ResolveDeliveryResponse(delivery=settled)


async def test_deliveries_are_listed_and_settled(fake_mesh: FakeMesh) -> None:
    desk = Desk()
    async with serving(api.add_DeliveryServiceServicer_to_server, desk) as target:
        fake_mesh.at({"turn_gateway": target})
        focal = fake_mesh.terminal.focal
        listed = await focal("deliveries", "list", "--json")
        assert [each["delivery_id"] for each in listed.documents[0]] == ["9", "7"]
        table = await focal("deliveries", "list", "--limit", "1", "--state", "in_doubt", "--session", "ses_1")
        assert "in doubt" in table.output
        assert "+4930" in table.output
        told = await focal("deliveries", "resolve", "9", "resend", "--reason", "not at the provider")
        assert "pending" in told.output
        shown = await focal("deliveries", "resolve", "9", "drop", "--reason", "old", "--json")
        assert shown.documents[0]["delivery_id"] == "9"
        gone = await focal("deliveries", "resolve", "99", "drop", "--reason", "old")
        assert (gone.code, "focal deliveries list" in gone.errors) == (1, True)
        missing = await focal("deliveries", "resolve", "9", "drop")
        assert missing.code == 2
    assert list(desk.asked[-1].states) == [event_pb2.DELIVERY_STATE_IN_DOUBT]
    assert desk.asked[-1].session_id == "ses_1"
    resend, drop = desk.decided
    assert (resend.resolution, resend.reason) == (event_pb2.DELIVERY_RESOLUTION_RESEND, "not at the provider")
    assert drop.resolution == event_pb2.DELIVERY_RESOLUTION_DROP
    assert resend.request_id != drop.request_id
