"""Effects of an ended turn group are undone once each, latest first, whoever asks and whatever dies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1.toolbox_service_pb2_grpc import ToolboxServiceStub
from focal_service_kit import errors
from tests.doubles import tool_provider
from tests.fakes import in_process, running_toolbox, toolbox_process
from tests.fakes.running_toolbox import RunningToolbox, Turn
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

HELD = '{"hold":{"id":"H-7"}}'
LATER = Turn(session_id="ses_1", turn_id="trn_2", turn_group_id="grp_2", epoch=2)
ELSEWHERE = Turn(session_id="ses_2", turn_id="trn_9", turn_group_id="grp_9")
DONE, IN_DOUBT, COMPENSATING, COMPENSATED = (
    effect_pb2.EFFECT_STATE_DONE,
    effect_pb2.EFFECT_STATE_IN_DOUBT,
    effect_pb2.EFFECT_STATE_COMPENSATING,
    effect_pb2.EFFECT_STATE_COMPENSATED,
)


def _targets(provider: tool_provider.ToolProvider) -> list[str]:
    return [request.target for request in provider.received]


async def _states(toolbox: RunningToolbox) -> dict[str, Any]:
    """States by tool and order number."""
    return {f"{effect.tool_name} {effect.arguments_json}": effect.state for effect in await toolbox.effects()}


async def test_sixteen_callers_on_two_toolboxes_undo_an_effect_once(database: str) -> None:
    """Break: derive `keys.compensation_key` from something new at every call."""
    deployment = in_process.Deployment()
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, deployment=deployment) as one,
        running_toolbox.serving(database, provider.url, deployment=deployment) as two,
    ):
        release = asyncio.Event()
        provider.behave(tool_provider.answer(body=HELD), tool_provider.answer(after=release))
        held = await one.execute("reserve", {"order_id": "1"})
        provider.arrived.clear()
        calls = [asyncio.create_task(box.compensate()) for box in [one, two] * 8]
        await asyncio.wait_for(provider.arrived.wait(), 10)
        release.set()
        answers = await asyncio.gather(*calls)
        assert _targets(provider) == ["/reserve/1", "/release/1"]
        assert provider.received[1].body == '{"hold":"H-7"}'
        found = [answer.compensations[0].result for answer in answers]
        statuses = sorted(result.status for result in found)
        assert statuses == [tool_pb2.TOOL_STATUS_SUCCESS] + 15 * [tool_pb2.TOOL_STATUS_CACHED]
        (undoing,) = {result.effect_id for result in found}
        undone, own = sorted(await one.effects(), key=lambda effect: effect.compensates)
        assert (undone.effect_id, undone.state) == (held.effect_id, COMPENSATED)
        assert (own.effect_id, own.compensates, own.state) == (undoing, held.effect_id, DONE)
        assert (own.tool_name, own.turn_group_id) == ("release", "grp_1")


async def test_effects_are_undone_in_reverse_and_a_repeat_goes_on_where_it_stopped(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        for number in "123":
            await toolbox.execute("reserve", {"order_id": number})
        conflict = tool_provider.answer(409, tool_provider.refusal("ALREADY_PACKED"))
        provider.behave(tool_provider.answer(), conflict, tool_provider.answer())
        provider.received.clear()
        first = await toolbox.compensate()
        assert _targets(provider) == ["/release/3", "/release/2"]
        results = [each.result for each in first.compensations]
        assert [result.status for result in results] == [
            tool_pb2.TOOL_STATUS_SUCCESS,
            tool_pb2.TOOL_STATUS_ERROR,
        ]
        assert (results[1].error_reason, first.repeat) == ("already_packed", False)
        assert [effect.state for effect in first.effects] == [DONE, DONE, COMPENSATED]

        again = await toolbox.compensate()
        assert _targets(provider)[2:] == ["/release/2", "/release/1"]
        assert [effect.state for effect in again.effects] == 3 * [COMPENSATED]
        attempts = {e.arguments_json: e.attempts for e in await toolbox.effects() if e.compensates}
        assert attempts['{"order_id":"2"}'] == 2


async def test_what_cannot_be_undone_stands_and_says_so(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.execute("reserve", {"order_id": "1"})
        paid = await toolbox.execute("refund", {"order_id": "1"})
        answer = await toolbox.compensate()
        results = [each.result for each in answer.compensations]
        assert (results[0].status, results[0].error_reason) == (
            tool_pb2.TOOL_STATUS_REFUSED,
            "NOT_COMPENSATABLE",
        )
        assert "IRREVERSIBLE" in results[0].error_message
        assert results[1].status == tool_pb2.TOOL_STATUS_SUCCESS
        assert [effect.state for effect in answer.effects] == [COMPENSATED, DONE]
        named = await toolbox.compensate(Turn(), paid.effect_id)
        assert named.compensations[0].result.error_reason == "NOT_COMPENSATABLE"
        assert _targets(provider) == ["/reserve/1", "/refund/1", "/release/1"]


async def test_an_operation_does_not_begin_again_while_it_is_being_undone(database: str) -> None:
    """Break: leave COMPENSATING out of `other` in `reserve`, and of the index."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        release = asyncio.Event()
        await toolbox.execute("reserve", {"order_id": "1"})
        provider.arrived.clear()
        provider.behave(tool_provider.answer(after=release), tool_provider.answer())
        call = asyncio.create_task(toolbox.compensate())
        await asyncio.wait_for(provider.arrived.wait(), 10)
        early = await toolbox.execute("reserve", {"order_id": "1"}, LATER)
        assert (early.status, early.error_reason) == (tool_pb2.TOOL_STATUS_REFUSED, "EFFECT_IN_PROGRESS")
        release.set()
        await call
        again = await toolbox.execute("reserve", {"order_id": "1"}, LATER)
        assert again.status == tool_pb2.TOOL_STATUS_SUCCESS


async def test_what_began_again_meanwhile_is_not_undone_by_an_old_wish(database: str) -> None:
    """Break: leave the look for a later effect out of `reserve_compensation`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.execute("reserve", {"order_id": "1"})
        await toolbox.execute("reserve", {"order_id": "1"}, ELSEWHERE)
        answer = await toolbox.compensate()
        assert answer.compensations[0].result.error_reason == "COMPENSATION_OVERTAKEN"
        assert _targets(provider) == ["/reserve/1", "/reserve/1"]


async def test_no_call_of_the_group_is_carried_out_behind_its_undoing(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.compensate()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await toolbox.execute("reserve", {"order_id": "1"})
        assert errors.from_rpc(caught.value).reason == "FENCED"
        # The next attempt has the epoch that the fence was raised to.
        assert (await toolbox.execute("reserve", {"order_id": "1"}, LATER)).effect_id


async def test_a_late_demand_is_met_although_the_session_has_moved_on(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.execute("reserve", {"order_id": "1"})
        await toolbox.fence(replace(LATER, epoch=7))
        answer = await toolbox.compensate()
        assert [effect.state for effect in answer.effects] == [COMPENSATED]


async def test_only_the_groups_own_attempt_may_ask(database: str) -> None:
    async with running_toolbox.serving(database, "http://127.0.0.1:1") as toolbox:
        for stub, turn, reason in (
            (toolbox.stub(), Turn(), "INSUFFICIENT_PERMISSIONS"),
            (toolbox.stub(Turn()), ELSEWHERE, "INSUFFICIENT_PERMISSIONS"),
            (toolbox.stub(Turn()), Turn(), "EFFECT_NOT_FOUND"),
        ):
            request = pb.CompensateRequest(context=turn.context(), effect_ids=["eff_nobody"])
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Compensate(request, timeout=5)
            assert errors.from_rpc(caught.value).reason == reason


async def test_a_compensation_ends_with_its_time_limit(database: str) -> None:
    impatient = {"compensation_s": 0.3}
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, execution=impatient) as toolbox,
    ):
        await toolbox.execute("reserve", {"order_id": "1"})
        provider.behave(tool_provider.hang)
        answer = await toolbox.compensate()
        (only,) = answer.compensations
        assert (only.result.status, only.result.error_reason) == (tool_pb2.TOOL_STATUS_IN_DOUBT, "timeout")
        assert answer.repeat
        assert [effect.state for effect in answer.effects] == [COMPENSATING]


@pytest.mark.parametrize(("tool", "undo"), [("reserve", "release"), ("ship", "recall")])
async def test_a_compensation_cut_off_by_a_kill_is_in_doubt_and_repeated_only_where_that_is_safe(
    database: str, tmp_path: Path, tool: str, undo: str
) -> None:
    """Break: send on EXISTS in `Effects._once`, or let `doubt_orphans` call what it finds FAILED."""
    deployment = in_process.Deployment()
    instance = {"heartbeat_s": 0.1, "sweep_s": 0.1, "lease_s": 1, "send_within_s": 0.9}
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, deployment=deployment, instance=instance) as survivor,
        toolbox_process.started(
            tmp_path,
            deployment=deployment,
            database=database,
            config_watcher=survivor.watcher,
            provider_url=provider.url,
        ) as doomed,
    ):
        await survivor.execute(tool, {"order_id": "1"})
        release = asyncio.Event()
        provider.behave(tool_provider.answer(after=release), tool_provider.answer())
        provider.arrived.clear()
        there = replace(survivor, running=replace(survivor.running, target=doomed.target))
        cut = asyncio.create_task(there.compensate())
        await asyncio.wait_for(provider.arrived.wait(), 10)
        doomed.kill()
        await asyncio.gather(cut, return_exceptions=True)

        async def doubted() -> bool:
            return IN_DOUBT in (await _states(survivor)).values()

        await until(doubted, "the sweep has found the compensation")
        assert COMPENSATING in (await _states(survivor)).values()
        answer = await survivor.compensate()
        (only,) = answer.compensations
        if undo == "release":
            assert [effect.state for effect in answer.effects] == [COMPENSATED]
            first, second = provider.received[1:]
            assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
        else:
            assert (only.result.status, answer.repeat) == (tool_pb2.TOOL_STATUS_IN_DOUBT, False)
            assert [effect.state for effect in answer.effects] == [COMPENSATING]
            assert _targets(provider)[1:] == [f"/{undo}/1"]


async def test_an_undoing_that_needs_a_yes_is_carried_out_once_an_operator_gave_it(database: str) -> None:
    """Break: ask nobody in `Confirming.of_undoing`."""
    tools = (
        running_toolbox.tool("hire", running_toolbox.COMPENSATABLE, compensation_tool="dismiss"),
        running_toolbox.tool(
            "dismiss", running_toolbox.IRREVERSIBLE, requires_confirmation=True, confirmation_prompt="Really?"
        ),
    )
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tools=tools) as toolbox,
    ):
        await toolbox.execute("hire", {"order_id": "1"})
        first = await toolbox.compensate()
        asked = first.compensations[0].result
        assert (asked.error_reason, first.repeat) == ("APPROVAL_REQUIRED", True)
        assert asked.confirmation.approver == tool_pb2.APPROVER_OPERATOR
        admin = toolbox.running.deployment.tenant_token("acme", roles=["admin"])
        stub: Any = ToolboxServiceStub(toolbox.running.channel(admin))
        await stub.Confirm(
            pb.ConfirmRequest(
                session_id="ses_1",
                confirmation_id=asked.confirmation.confirmation_id,
                accepted=True,
                approver=tool_pb2.APPROVER_OPERATOR,
            ),
            timeout=5,
        )
        answers = await asyncio.gather(*(toolbox.compensate() for _ in range(8)))
        assert {answer.effects[0].state for answer in answers} == {COMPENSATED}
        assert _targets(provider) == ["/hire/1", "/dismiss/1"]
