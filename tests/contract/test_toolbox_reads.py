"""Results of PURE calls used again, against a real provider and the real ledger.

Seen to fail: with `Writes.before` true, with `open` left out of the look at the ledger, and with
`KeptRead.fresh` true.
"""

from __future__ import annotations

import asyncio

import pytest

from focal.toolbox.v1 import tool_pb2
from focal_kernel.clock import ManualClock
from tests.doubles import tool_provider
from tests.fakes import running_toolbox
from tests.fakes.running_toolbox import IRREVERSIBLE, PURE, Turn, tool

pytestmark = pytest.mark.migrated("focal_toolbox")

SUCCESS, CACHED, IN_DOUBT = (
    tool_pb2.TOOL_STATUS_SUCCESS,
    tool_pb2.TOOL_STATUS_CACHED,
    tool_pb2.TOOL_STATUS_IN_DOUBT,
)
FRESH_S = 60
TOOLS = (
    tool(
        "look_up",
        PURE,
        config={"method": "GET", "url": "${PROVIDER}/orders/{order_id}"},
        fresh_ms=FRESH_S * 1000,
    ),
    tool("refund", IRREVERSIBLE),
)
ORDER = {"order_id": "10003"}
MINE, THEIRS = Turn(), Turn("ses_2", "trn_2", "grp_2")


def says(status: str) -> tool_provider.Behaviour:
    return tool_provider.answer(body=f'{{"status":"{status}"}}')


async def test_after_a_write_of_the_session_it_reads_what_the_write_left(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    monkeypatch.setattr("focal_toolbox.app.SystemClock", lambda: clock)
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tools=TOOLS) as toolbox,
    ):
        provider.behave(says("paid"))
        first = await toolbox.execute("look_up", ORDER, MINE)
        again = await toolbox.execute("look_up", ORDER, THEIRS)
        assert (first.status, again.status) == (SUCCESS, CACHED)
        assert (again.result_json, again.read_at.ToDatetime()) == (
            '{"status":"paid"}',
            clock.now().replace(tzinfo=None),
        )
        assert not first.HasField("read_at")
        assert (again.attempts, again.effect_id) == (0, "")

        await toolbox.execute("refund", ORDER, MINE)
        provider.behave(says("refunded"))
        assert (await toolbox.execute("look_up", ORDER, THEIRS)).status == CACHED
        mine = await toolbox.execute("look_up", ORDER, MINE)
        assert (mine.status, mine.result_json) == (SUCCESS, '{"status":"refunded"}')
        assert (await toolbox.execute("look_up", ORDER, MINE)).status == CACHED

        provider.behave(says("closed"))
        clock.advance(FRESH_S + 1)
        theirs = await toolbox.execute("look_up", ORDER, THEIRS)
        assert (theirs.status, theirs.result_json) == (SUCCESS, '{"status":"closed"}')


async def test_while_an_effect_is_under_way_or_in_doubt_its_session_asks_the_provider(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tools=TOOLS) as toolbox,
    ):
        provider.behave(says("paid"))
        await toolbox.execute("look_up", ORDER, MINE)
        answered = asyncio.Event()
        provider.behave(tool_provider.answer(503, after=answered), says("refunded"))
        provider.arrived.clear()
        refund = asyncio.create_task(toolbox.execute("refund", ORDER, MINE))
        await provider.arrived.wait()
        provider.behave(says("refunding"))
        assert (await toolbox.execute("look_up", ORDER, MINE)).result_json == '{"status":"refunding"}'
        answered.set()
        assert (await refund).status == IN_DOUBT
        provider.behave(says("refunded"))
        assert (await toolbox.execute("look_up", ORDER, MINE)).result_json == '{"status":"refunded"}'
        provider.behave(says("settled"))
        assert (await toolbox.execute("look_up", ORDER, MINE)).result_json == '{"status":"settled"}'
