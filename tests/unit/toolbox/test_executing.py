import asyncio
from dataclasses import replace

import pytest

from focal_kernel import errors as kernel_errors
from focal_toolbox import errors
from focal_toolbox.core.executing import Timeouts
from focal_toolbox.domain.result import Result, Started, Status
from focal_toolbox.domain.tool import Tool
from tests.fakes.toolbox.provider import LOST, ScriptedProvider
from tests.fakes.toolbox_desk import ATTEMPT, ORDER, Desk


async def test_a_read_has_no_key_and_no_row() -> None:
    desk = Desk()
    events = await desk.events(replace(ORDER, tool_name="look_up"))
    assert events[0] == Started("look_up")
    assert desk.provider.keys == [""]
    assert desk.ledger.rows.effects == {}


async def test_a_read_without_an_answer_is_an_error_not_a_doubt() -> None:
    result = await Desk(ScriptedProvider([LOST])).execute(replace(ORDER, tool_name="look_up"))
    assert (result.status, result.error_reason, result.attempts) == (Status.ERROR, "timeout", 2)


async def test_a_read_is_given_up_with_its_caller() -> None:
    provider = ScriptedProvider(hold=asyncio.Event())
    call = asyncio.create_task(Desk(provider).events(replace(ORDER, tool_name="look_up")))
    await provider.sent.wait()
    call.cancel()
    await asyncio.wait([call])
    await asyncio.sleep(0)
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert "read look_up" not in names


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "TOOL_NOT_FOUND"),
        ("disabled", "TOOL_NOT_FOUND"),
        ("keyless", "INVALID_BUNDLE"),
        ("elsewhere", "PROVIDER_NOT_CONFIGURED"),
    ],
)
async def test_what_must_not_be_sent_is_refused(name: str, reason: str) -> None:
    desk = Desk()
    (result,) = await desk.events(replace(ORDER, tool_name=name))
    assert isinstance(result, Result)
    assert (result.status, result.error_reason) == (Status.REFUSED, reason)
    assert not result.commit_point_reached
    assert desk.ledger.rows.fences == {}


async def test_a_request_that_cannot_be_built_reserves_nothing() -> None:
    desk = Desk(ScriptedProvider(refusal=errors.Refusal("PROVIDER_NOT_CONFIGURED", "no")))
    assert (await desk.execute()).error_reason == "PROVIDER_NOT_CONFIGURED"
    assert desk.ledger.rows.effects == {}


async def test_an_unknown_agent_is_an_error() -> None:
    with pytest.raises(kernel_errors.NotFound):
        await Desk().execute(replace(ORDER, attempt=replace(ATTEMPT, agent_id="nobody")))


def test_a_tool_may_ask_for_a_time_limit_up_to_the_longest() -> None:
    timeouts = Timeouts(default_s=30, longest_s=60)
    assert timeouts.of(Tool("t")) == 30
    assert timeouts.of(Tool("t", timeout_s=5)) == 5
    assert timeouts.of(Tool("t", timeout_s=600)) == 60
