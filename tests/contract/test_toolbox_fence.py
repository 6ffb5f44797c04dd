"""The epoch fence: an attempt that was replaced causes no further effect."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import grpc
import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal_service_kit import errors
from tests.doubles import tool_provider
from tests.fakes import running_toolbox
from tests.fakes.running_toolbox import RunningToolbox, Turn

pytestmark = pytest.mark.migrated("focal_toolbox")

ORDER = {"order_id": "10003"}


async def _reason(call: object) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return errors.from_rpc(caught.value).reason


async def test_a_lower_epoch_is_refused_after_a_fence(database: str) -> None:
    """Break: let `reserve` ignore `fence > p_epoch`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        assert (await toolbox.fence(Turn(epoch=2))).epoch == 2
        assert await _reason(toolbox.execute("refund", ORDER, Turn(epoch=1))) == "FENCED"
        assert provider.received == []
        assert await toolbox.effects() == []
        allowed = await toolbox.execute("refund", ORDER, Turn(epoch=2))
        assert allowed.status == tool_pb2.TOOL_STATUS_SUCCESS


async def test_a_reservation_raises_the_fence_itself(database: str) -> None:
    """Break: read the fence in `reserve` instead of raising it."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.execute("label", ORDER, Turn(epoch=3))
        assert await _reason(toolbox.execute("refund", ORDER, Turn(epoch=2))) == "FENCED"
        assert (await toolbox.fence(Turn(epoch=1))).epoch == 3


async def test_a_fenced_attempt_does_not_even_get_an_earlier_result(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.execute("refund", ORDER, Turn(epoch=1))
        await toolbox.fence(Turn(epoch=2))
        assert await _reason(toolbox.execute("refund", ORDER, Turn(epoch=1))) == "FENCED"


async def test_sessions_have_fences_of_their_own(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.fence(Turn(session_id="ses_9", epoch=9))
        result = await toolbox.execute("refund", ORDER, Turn(epoch=1))
        assert result.status == tool_pb2.TOOL_STATUS_SUCCESS


async def test_a_fence_returns_the_groups_effects_oldest_first(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.execute("label", ORDER)
        await toolbox.execute("refund", ORDER)
        await toolbox.execute("refund", {"order_id": "7"}, Turn(turn_group_id="grp_other"))
        response = await toolbox.fence(Turn(epoch=2))
        assert [effect.tool_name for effect in response.effects] == ["label", "refund"]
        assert {effect.state for effect in response.effects} == {effect_pb2.EFFECT_STATE_DONE}


async def test_a_fence_shows_an_effect_that_is_still_running(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        release = asyncio.Event()
        provider.behave(tool_provider.answer(after=release))
        running = asyncio.create_task(toolbox.execute("refund", ORDER))
        await asyncio.wait_for(provider.arrived.wait(), 5)
        (effect,) = (await toolbox.fence(Turn(epoch=2))).effects
        assert effect.state == effect_pb2.EFFECT_STATE_PREPARED
        release.set()
        assert (await running).status == tool_pb2.TOOL_STATUS_SUCCESS
        (effect,) = (await toolbox.fence(Turn(epoch=2))).effects
        assert effect.state == effect_pb2.EFFECT_STATE_DONE


async def test_a_fence_knows_every_effect_that_a_racing_attempt_causes(database: str) -> None:
    """Whatever the order in which they meet: reserved before and listed, or refused after.

    The races that a test can only hope for here are forced in test_toolbox_ledger.
    """
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, turns={"calls": 0}) as toolbox,
    ):
        for round_ in range(10):
            await _race(toolbox, provider, round_)


async def _race(toolbox: RunningToolbox, provider: tool_provider.ToolProvider, round_: int) -> None:
    first = Turn(session_id=f"ses_{round_}", turn_group_id=f"grp_{round_}", epoch=1)
    provider.received.clear()
    orders = [f"{round_}-{number}" for number in range(12)]
    calls = [asyncio.create_task(toolbox.execute("refund", {"order_id": order}, first)) for order in orders]
    fence = asyncio.create_task(toolbox.fence(replace(first, epoch=2)))
    ended = await asyncio.gather(*calls, return_exceptions=True)
    listed = {effect.effect_id for effect in (await fence).effects}
    for result in ended:
        if isinstance(result, BaseException):
            assert isinstance(result, grpc.aio.AioRpcError)
            assert errors.from_rpc(result).reason == "FENCED"
        else:
            assert result.effect_id in listed
    assert len(provider.received) == len(listed)


async def test_concurrent_fences_leave_the_highest_in_force(database: str) -> None:
    async with running_toolbox.serving(database, "http://127.0.0.1:1") as toolbox:
        answers = await asyncio.gather(*(toolbox.fence(Turn(epoch=epoch)) for epoch in range(1, 33)))
        assert all(answer.epoch >= epoch for epoch, answer in enumerate(answers, 1))
        assert (await toolbox.fence(Turn(epoch=1))).epoch == 32


@pytest.mark.parametrize(
    ("field", "value"), [("epoch", 0), ("epoch", -1), ("session_id", "a:b"), ("turn_group_id", "")]
)
async def test_a_malformed_fence_is_refused(database: str, field: str, value: object) -> None:
    async with running_toolbox.serving(database, "http://127.0.0.1:1") as toolbox:
        turn = Turn(session_id="")
        request = pb.FenceRequest(session_id="ses_1", epoch=1, turn_group_id="grp_1")
        setattr(request, field, value)
        reason = await _reason(toolbox.stub(turn).Fence(request, timeout=5))
    assert reason == ("INVALID_FIELD" if field == "epoch" else "INVALID_ID")
