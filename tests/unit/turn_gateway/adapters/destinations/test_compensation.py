from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc.aio
import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as api
from focal_kernel import errors as kernel_errors
from focal_service_kit import identity
from focal_service_kit.host import Host
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.destinations.compensation import Compensations
from focal_turn_gateway.core.close_turn import outbox_rows
from focal_turn_gateway.core.reply_format import Formatted
from focal_turn_gateway.domain.channels import Policy
from focal_turn_gateway.domain.turns import TurnStatus, closed
from focal_turn_gateway.ports.delivery import ClaimedRow
from tests.fakes import in_process
from tests.fakes.turn_gateway import NOW, attempt, message, result

UNDONE, STANDS = effect_pb2.EFFECT_STATE_COMPENSATED, effect_pb2.EFFECT_STATE_DONE


class Toolbox(api.ToolboxServiceServicer):
    """Answers by effect id: a state, or a failure; `repeat` says that asking again may help."""

    def __init__(self) -> None:
        self.asked: list[tuple[pb.CompensateRequest, identity.Caller]] = []
        self.answers: dict[str, Any] = {}
        self.repeat = False

    async def Compensate(self, request: Any, context: Any) -> pb.CompensateResponse:  # noqa: N802
        self.asked.append((request, identity.current()))
        response = pb.CompensateResponse(repeat=self.repeat)
        for effect_id in request.effect_ids:
            answer = self.answers.get(effect_id, UNDONE)
            if isinstance(answer, Exception):
                raise answer
            response.effects.add(effect_id=effect_id, state=answer)
            status = tool_pb2.TOOL_STATUS_SUCCESS if answer == UNDONE else tool_pb2.TOOL_STATUS_ERROR
            found = tool_pb2.ToolResult(status=status, error_reason="" if answer == UNDONE else "packed")
            response.compensations.add(effect_id=effect_id, result=found)
        return response


class Place:
    def __init__(self, toolbox: Toolbox, running: in_process.Running) -> None:
        self.toolbox = toolbox

        def token(row: ClaimedRow) -> str:
            return running.deployment.internal_token(
                "toolbox",
                tenant_id=row.tenant_id,
                session_id=row.session_id,
                turn_id=row.payload["turn_id"],
                epoch=row.payload["epoch"],
            )

        self.destination = Compensations(running.channel(), token, timeout_s=5)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    toolbox = Toolbox()

    async def build(host: Host) -> None:
        api.add_ToolboxServiceServicer_to_server(toolbox, host.server)

    async with in_process.serving("toolbox", build) as running:
        yield Place(toolbox, running)


def row(*effect_ids: str, number: int = 1) -> ClaimedRow:
    ran = attempt(message(1, "hello"))
    found = replace(result("msg_1"), left_effect_ids=effect_ids or ("eff_1",))
    turn = closed(ran, found, TurnStatus.COMPLETE)
    [owed] = outbox_rows(ran, turn, Formatted((), Policy()), ran.messages, frozenset({"compensation"}))
    return ClaimedRow(number, "acme", "ses_1", owed.dedupe_key, owed.payload, 1, NOW)


async def test_the_toolbox_is_asked_on_behalf_of_the_attempt_that_was_committed(place: Place) -> None:
    ran = attempt(message(1, "hello"))
    await place.destination.deliver([row("eff_1", "eff_2")])
    [(request, caller)] = place.toolbox.asked
    assert list(request.effect_ids) == ["eff_1", "eff_2"]
    context = request.context
    assert (context.turn_id, context.turn_group_id, context.epoch) == (
        ran.turn_id,
        ran.turn_group_id,
        ran.epoch,
    )
    assert (context.agent_id, context.config_version) == (ran.agent_id, 7)
    assert (caller.tenant_id, caller.session_id, caller.epoch) == ("acme", "ses_1", ran.epoch)


async def test_what_is_not_undone_yet_is_tried_again(place: Place) -> None:
    place.toolbox.answers["eff_1"], place.toolbox.repeat = STANDS, True
    with pytest.raises(errors.NotUndoneYet, match="eff_1 packed"):
        await place.destination.deliver([row()])


async def test_what_a_person_has_to_decide_is_given_up(place: Place) -> None:
    place.toolbox.answers["eff_2"] = STANDS
    with pytest.raises(errors.Undeliverable, match="eff_2 packed"):
        await place.destination.deliver([row("eff_1", "eff_2")])


async def test_a_demand_that_the_toolbox_does_not_understand_is_given_up(place: Place) -> None:
    place.toolbox.answers["eff_1"] = kernel_errors.NotFound("EFFECT_NOT_FOUND", "no such effect")
    with pytest.raises(errors.Undeliverable, match="EFFECT_NOT_FOUND"):
        await place.destination.deliver([row()])


async def test_a_toolbox_that_is_away_is_asked_again_and_keeps_no_other_row(place: Place) -> None:
    place.toolbox.answers["eff_1"] = kernel_errors.Unavailable("DEPENDENCY_UNAVAILABLE", "away")
    with pytest.raises(grpc.aio.AioRpcError):
        await place.destination.deliver([row(), row("eff_2", number=2)])
    assert sorted(request.effect_ids[0] for request, _ in place.toolbox.asked) == ["eff_1", "eff_2"]
