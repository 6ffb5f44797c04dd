"""How many calls a turn may make, counted by the real ledger."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

import pytest

from focal.toolbox.v1 import tool_pb2
from tests.doubles import tool_provider
from tests.fakes import in_process, running_toolbox
from tests.fakes.running_toolbox import Turn

pytestmark = pytest.mark.migrated("focal_toolbox")

PASSED, REFUSED = "SUCCESS", "TOO_MANY_TOOL_CALLS"


def _ends(results: Iterable[tool_pb2.ToolResult]) -> Counter[str]:
    names = (result.error_reason or tool_pb2.ToolStatus.Name(result.status) for result in results)
    return Counter(name.removeprefix("TOOL_STATUS_") for name in names)


async def test_of_thirty_two_calls_at_once_on_two_toolboxes_exactly_five_pass(database: str) -> None:
    """Break: leave the count out of `reserve`; count before `raise_fence`."""
    deployment = in_process.Deployment()
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, deployment=deployment) as one,
        running_toolbox.serving(database, provider.url, deployment=deployment) as two,
    ):
        results = await asyncio.gather(
            *((one, two)[number % 2].execute("refund", {"order_id": str(number)}) for number in range(32))
        )
        assert _ends(results) == {PASSED: 5, REFUSED: 27}
        assert len(await one.effects()) == len(provider.received) == 5
        assert not any(each.commit_point_reached for each in results if each.error_reason)


async def test_reads_and_effects_of_a_turn_are_counted_together(database: str) -> None:
    """Break: leave `len(turn.reads)` out of `TurnCalls.limited`; leave `read` out of `Execution._read`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        calls = [("look_up", "refund")[number % 2] for number in range(16)]
        results = await asyncio.gather(
            *(toolbox.execute(tool, {"order_id": str(number)}) for number, tool in enumerate(calls))
        )
        assert _ends(results) == {PASSED: 5, REFUSED: 11}
        assert len(provider.received) == 5


async def test_another_attempt_repeats_the_calls_of_a_turn_and_gets_no_more(database: str) -> None:
    """A crash repeats a turn in another process, which finds the effects and counts on from there."""
    deployment = in_process.Deployment()
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, deployment=deployment) as one,
        running_toolbox.serving(database, provider.url, deployment=deployment) as two,
    ):
        orders = [{"order_id": str(number)} for number in range(6)]
        for order in orders[:5]:
            await one.execute("refund", order)
        again = [await two.execute("refund", order, Turn(epoch=2)) for order in orders]
        assert _ends(again) == {"CACHED": 5, REFUSED: 1}
        elsewhere = Turn(turn_id="trn_2", turn_group_id="grp_2", epoch=3)
        assert _ends([await two.execute("refund", orders[5], elsewhere)]) == {PASSED: 1}


async def test_the_limit_is_a_setting(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, turns={"calls": 0}) as toolbox,
    ):
        results = [await toolbox.execute("label", {"order_id": str(number)}) for number in range(7)]
        assert _ends(results) == {PASSED: 7}
