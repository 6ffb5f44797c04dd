"""The end of a doubt opens a turn where the customer was told of the doubt, and only there."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.turn.v1 import turn_pb2
from tests.doubles import tool_provider
from tests.fakes.late_results import ORDER, playing
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")


# As the sweep leaves what a lost toolbox had reserved.
DOUBT_ALL = "UPDATE effects.effects SET state = 'IN_DOUBT'"


async def _sql(database: str, statement: str) -> Any:
    """The first value of a statement, None without one."""
    connection = await asyncpg.connect(database)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_the_end_of_a_doubt_that_was_told_opens_one_turn(database: str) -> None:
    """Break: leave the follow-up out of `resolve`."""
    async with playing(database) as scene:
        scene.partner.behave(tool_provider.hang_up)
        doubtful = await scene.toolbox.execute("refund", ORDER)
        assert doubtful.status == tool_pb2.TOOL_STATUS_IN_DOUBT
        for _ in range(2):
            await scene.toolbox.resolve(
                doubtful.effect_id,
                effect_pb2.EFFECT_STATE_DONE,
                result_json='{"refund":"RF-1"}',
                request_id="r1",
            )
        await until(lambda: scene.turns.opened, "the follow-up turn is opened")
        await scene.quiet()
        [(tenant, opened)] = scene.turns.opened
        assert (tenant, opened.session_id, opened.cause_id) == ("acme", "ses_1", doubtful.effect_id)
        assert opened.cause == turn_pb2.TURN_CAUSE_EFFECT_RESOLVED
        told = json.loads(opened.payload_json)
        assert (told["tool"], told["status"], told["result"]) == ("refund", "SUCCESS", {"refund": "RF-1"})


async def test_the_end_of_a_doubt_that_nobody_heard_of_opens_no_turn(database: str) -> None:
    """Break: leave `doubt_told` out of `resolve`."""
    async with playing(database) as scene:
        await scene.toolbox.execute("refund", ORDER)
        await _sql(database, DOUBT_ALL)
        [effect] = await scene.toolbox.effects()
        await scene.toolbox.resolve(effect.effect_id, effect_pb2.EFFECT_STATE_DONE, result_json="{}")
        assert await _sql(database, "SELECT count(*) FROM effects.follow_ups") == 0
        assert scene.turns.opened == []


async def test_a_caller_that_meets_a_doubt_has_been_told_of_it(database: str) -> None:
    """Break: leave `doubt_told` out of `reserve`."""
    async with playing(database) as scene:
        await scene.toolbox.execute("refund", ORDER)
        await _sql(database, DOUBT_ALL)
        met = await scene.toolbox.execute("refund", ORDER)
        assert met.status == tool_pb2.TOOL_STATUS_IN_DOUBT
        await scene.toolbox.resolve(met.effect_id, effect_pb2.EFFECT_STATE_FAILED)
        await until(lambda: scene.turns.opened, "the follow-up turn is opened")
        assert json.loads(scene.turns.opened[0][1].payload_json)["status"] == "ERROR"
