"""`focal events` and the patterns of `focal watch`, against scripted services."""

import grpc

from focal.turn.v1 import event_service_pb2_grpc as api
from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from tests.fakes import gateway_server
from tests.fakes.gateway_server import FakeGateway, completed
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh
from tests.unit.client.test_event_log import FakeLog, event


async def test_events_of_all_sessions_are_printed_by_name_until_they_are_refused(
    fake_mesh: FakeMesh,
) -> None:
    fake = FakeLog([event("p1"), grpc.StatusCode.PERMISSION_DENIED])
    async with serving(api.add_EventServiceServicer_to_server, fake) as target:
        fake_mesh.at({"turn_gateway": target})
        outcome = await fake_mesh.terminal.focal("events", "--pattern", "tool.*", "--pattern", "rule.*")
    assert "tool.p1" in outcome.output
    assert outcome.code == 1
    assert list(fake.seen[0].patterns) == ["tool.*", "rule.*"]


async def test_events_for_machines_carry_the_position_to_go_on_behind(fake_mesh: FakeMesh) -> None:
    fake = FakeLog([event("p1"), grpc.StatusCode.PERMISSION_DENIED])
    async with serving(api.add_EventServiceServicer_to_server, fake) as target:
        fake_mesh.at({"turn_gateway": target})
        outcome = await fake_mesh.terminal.focal("events", "--after", "p0", "--json")
    assert outcome.documents[0]["position"] == "p1"
    assert outcome.documents[0]["name"] == "tool.p1"
    assert fake.seen[0].after_position == "p0"


async def test_a_session_is_watched_by_pattern(fake_mesh: FakeMesh) -> None:
    frame = gateway.WatchSessionResponse(event=completed(1, "Hello", "msg_1"))
    fake = FakeGateway(watch=[[frame], grpc.StatusCode.NOT_FOUND])
    async with gateway_server.serving(fake) as target:
        fake_mesh.at({"turn_gateway": target})
        await fake_mesh.terminal.focal("watch", "ses_1", "--pattern", "infra.turn.*")
    assert list(fake.seen[0].patterns) == ["infra.turn.*"]
