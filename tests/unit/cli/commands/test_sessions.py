"""`focal sessions` against a scripted gateway."""

from dataclasses import dataclass, field
from typing import Any

import grpc

from focal.turn.v1 import message_pb2, session_pb2, turn_pb2
from focal.turn.v1 import session_service_pb2 as pb
from focal.turn.v1 import session_service_pb2_grpc as api
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh


@dataclass
class Gateway(api.SessionServiceServicer):
    """One session; notes what was asked."""

    seen: list[Any] = field(default_factory=list)

    @property
    def session(self) -> session_pb2.Session:
        state = session_pb2.SessionState(
            variables_json={"order_id": '"10003"'}, moves=[session_pb2.ScenarioMove(scenario_id="return")]
        )
        return session_pb2.Session(
            session_id="ses_1",
            agent_id="desk",
            status=session_pb2.SESSION_STATUS_ACTIVE,
            state=state,
            etag="4",
        )

    async def ListSessions(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        return pb.ListSessionsResponse(sessions=[self.session])

    async def GetSession(self, request: Any, context: Any) -> Any:  # noqa: N802
        return pb.GetSessionResponse(session=self.session)

    async def ListTurns(self, request: Any, context: Any) -> Any:  # noqa: N802
        turn = turn_pb2.Turn(turn_id="trn_1", reply=[turn_pb2.ReplySegment(text="Which order?")])
        turn.closed_at.FromSeconds(1_800_000_002)
        return pb.ListTurnsResponse(turns=[turn])

    async def ListMessages(self, request: Any, context: Any) -> Any:  # noqa: N802
        messages = [message_pb2.Message(text="10003"), message_pb2.Message(text="I want to [return] it")]
        for message, second in zip(messages, (3, 1), strict=True):
            message.received_at.FromSeconds(1_800_000_000 + second)
        return pb.ListMessagesResponse(messages=messages)

    async def UpdateSession(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        return pb.UpdateSessionResponse(session=self.session)

    async def EndSession(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.seen.append(request)
        return pb.EndSessionResponse(session=self.session)


def register(gateway: Gateway, server: grpc.aio.Server) -> None:
    api.add_SessionServiceServicer_to_server(gateway, server)


async def test_a_session_is_listed_by_what_is_asked_of_it(fake_mesh: FakeMesh) -> None:
    gateway = Gateway()
    async with serving(register, gateway) as target:
        fake_mesh.at({"turn_gateway": target})
        chosen = ["--agent", "desk", "--ended", "--since", "2026-11-01", "--by-update", "--json"]
        listed = await fake_mesh.terminal.focal("sessions", "list", *chosen)
        shown = await fake_mesh.terminal.focal("sessions", "list")
    assert listed.documents[0][0]["session_id"] == "ses_1"
    assert "active" in shown.output
    asked, plain = gateway.seen
    assert (asked.agent_id, asked.status) == ("desk", session_pb2.SESSION_STATUS_ENDED)
    assert (asked.order, asked.updated_after.seconds) == (pb.SESSION_ORDER_UPDATED, 1_793_491_200)
    assert plain == pb.ListSessionsRequest(page_size=20)


async def test_a_conversation_reads_in_the_order_it_was_held(fake_mesh: FakeMesh) -> None:
    async with serving(register, Gateway()) as target:
        fake_mesh.at({"turn_gateway": target})
        shown = await fake_mesh.terminal.focal("sessions", "show", "ses_1")
        machine = await fake_mesh.terminal.focal("sessions", "show", "ses_1", "--json")
    said = [line.split("  ", 1)[1] for line in shown.output.splitlines() if line.startswith("2027-01-15")]
    assert said == ["customer: I want to [return] it", "agent: Which order?", "customer: 10003"]
    assert "next turn: out of return" in shown.output
    assert [message["text"] for message in machine.documents[0]["messages"]] == [
        "10003",
        "I want to [return] it",
    ]


async def test_a_session_is_updated_and_ended(fake_mesh: FakeMesh) -> None:
    gateway = Gateway()
    async with serving(register, gateway) as target:
        fake_mesh.at({"turn_gateway": target})
        change = ["--set", 'a="x=1"', "--set", "b=2", "--unset", "c", "--step", "s/one", "--etag", "4"]
        updated = await fake_mesh.terminal.focal("sessions", "update", "ses_1", *change, "--reason", "rang")
        ended = await fake_mesh.terminal.focal("sessions", "end", "ses_1", "--reason", "solved", "--json")
        for wrong in (["--set", "a"], ["--step", "s"]):
            assert (await fake_mesh.terminal.focal("sessions", "update", "ses_1", *wrong)).code == 2
    assert "etag 4" in updated.output
    assert ended.documents[0]["session_id"] == "ses_1"
    edit, end = gateway.seen
    assert dict(edit.variables_json) == {"a": '"x=1"', "b": "2", "c": "null"}
    assert (edit.scenario_id, edit.step_id, edit.etag, edit.reason) == ("s", "one", "4", "rang")
    assert (end.reason, bool(end.request_id), bool(edit.request_id)) == ("solved", True, True)
