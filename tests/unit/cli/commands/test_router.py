"""`focal dlq` against a scripted gateway."""

from dataclasses import dataclass, field
from typing import Any

import grpc

from focal.turn.v1 import dead_letter_service_pb2 as pb
from focal.turn.v1 import dead_letter_service_pb2_grpc as api
from tests.fakes import gateway_server
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh


@dataclass
class Letters(api.DeadLetterServiceServicer):
    """Two pages of dead letters; notes what is put back and dropped."""

    done: list[str] = field(default_factory=list)

    async def ListDeadLetters(self, request: Any, context: Any) -> Any:  # noqa: N802
        name, following = {"": ("web_2-1", "next"), "next": ("web_1-1", "")}[request.page_token]
        letter = pb.DeadLetter(dead_letter_id=name, channel="web", reason="EMPTY_TEXT")
        return pb.ListDeadLettersResponse(dead_letters=[letter], next_page_token=following)

    async def RetryDeadLetter(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.dead_letter_id == "web_9-9":
            await gateway_server.refuse(context, grpc.StatusCode.NOT_FOUND, "DEAD_LETTER_NOT_FOUND")
        assert request.request_id
        self.done.append(f"retry {request.dead_letter_id}")
        return pb.RetryDeadLetterResponse(entry_id="3-1")

    async def DropDeadLetter(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.done.append(f"drop {request.dead_letter_id}")
        return pb.DropDeadLetterResponse()


async def test_dead_letters_are_listed_put_back_and_dropped(fake_mesh: FakeMesh) -> None:
    letters = Letters()
    async with serving(api.add_DeadLetterServiceServicer_to_server, letters) as target:
        fake_mesh.at({"turn_gateway": target})
        listed = await fake_mesh.terminal.focal("dlq", "list", "--json")
        assert [letter["dead_letter_id"] for letter in listed.documents[0]] == ["web_2-1", "web_1-1"]
        one = await fake_mesh.terminal.focal("dlq", "list", "--limit", "1")
        assert "web_2-1" in one.output
        assert "web_1-1" not in one.output
        await fake_mesh.terminal.focal("dlq", "retry", "--all")
        await fake_mesh.terminal.focal("dlq", "drop", "web_7-1")
    assert letters.done == ["retry web_1-1", "retry web_2-1", "drop web_7-1"]


async def test_a_dead_letter_that_is_gone_and_a_command_without_any_say_how_to_mend(
    fake_mesh: FakeMesh,
) -> None:
    async with serving(api.add_DeadLetterServiceServicer_to_server, Letters()) as target:
        fake_mesh.at({"turn_gateway": target})
        gone = await fake_mesh.terminal.focal("dlq", "retry", "web_9-9")
        assert gone.code == 1
        assert "focal dlq list" in gone.errors
        nothing = await fake_mesh.terminal.focal("dlq", "drop")
        assert nothing.code == 2
        assert "--all" in nothing.errors
