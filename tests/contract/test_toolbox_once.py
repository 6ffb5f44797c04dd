"""A keyed effect happens once: among equal calls, turn groups, toolboxes and callers that leave."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from tests.doubles import tool_provider
from tests.fakes import in_process, running_toolbox
from tests.fakes.running_toolbox import Turn
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

ORDER = {"order_id": "10003", "amount": 59.9}
OTHER_GROUP = Turn(session_id="ses_2", turn_id="trn_2", turn_group_id="grp_2")


async def test_sixty_four_equal_calls_refund_once(database: str) -> None:
    """Break: drop UNIQUE (tenant_id, effect_key) and conflict on effect_id instead, in the migration."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        release = asyncio.Event()
        provider.behave(tool_provider.answer(after=release))
        calls = [asyncio.create_task(toolbox.execute("refund", ORDER)) for _ in range(64)]
        await asyncio.wait_for(provider.arrived.wait(), 5)
        release.set()
        results = await asyncio.gather(*calls)
        assert len(provider.received) == 1
        statuses = sorted(result.status for result in results)
        assert statuses == [tool_pb2.TOOL_STATUS_SUCCESS] + 63 * [tool_pb2.TOOL_STATUS_CACHED]
        assert {result.result_json for result in results} == {'{"ok":true}'}
        assert len({result.effect_id for result in results}) == 1


async def test_equal_calls_on_two_toolboxes_refund_once(database: str) -> None:
    deployment = in_process.Deployment()
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, deployment=deployment) as one,
        running_toolbox.serving(database, provider.url, deployment=deployment) as two,
    ):
        release = asyncio.Event()
        provider.behave(tool_provider.answer(after=release))
        calls = [asyncio.create_task(box.execute("refund", ORDER)) for box in [one, two] * 16]
        await asyncio.wait_for(provider.arrived.wait(), 5)
        release.set()
        results = await asyncio.gather(*calls)
        assert len(provider.received) == 1
        assert {result.result_json for result in results} == {'{"ok":true}'}


async def test_sixty_four_turn_groups_refund_one_order_once_while_it_runs(database: str) -> None:
    """Break: leave the look for `other` out of `reserve`, and the index too; the race that only the
    index decides is in test_toolbox_ledger."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        release = asyncio.Event()
        provider.behave(tool_provider.answer(after=release))
        turns = [Turn(f"ses_{n}", f"trn_{n}", f"grp_{n}") for n in range(64)]
        calls = [asyncio.create_task(toolbox.execute("refund", ORDER, turn)) for turn in turns]
        done = []
        for call in asyncio.as_completed(calls):
            done.append(await call)
            if len(done) == 63:
                release.set()
        assert len(provider.received) == 1
        refused = [result for result in done if result.error_reason == "EFFECT_IN_PROGRESS"]
        assert len(refused) == 63
        assert {result.effect_id for result in done} == {done[-1].effect_id}


async def test_two_orders_are_two_effects(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        first = await toolbox.execute("refund", {"order_id": "1"})
        second = await toolbox.execute("refund", {"order_id": "2"})
        assert first.effect_key != second.effect_key
        assert [request.target for request in provider.received] == ["/refund/1", "/refund/2"]


async def test_a_second_occurrence_is_a_second_effect(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        first = await toolbox.execute("refund", ORDER, occurrence=1)
        again = await toolbox.execute("refund", ORDER)
        second = await toolbox.execute("refund", ORDER, occurrence=2)
        assert again.status == tool_pb2.TOOL_STATUS_CACHED
        assert again.effect_key == first.effect_key != second.effect_key
        assert len(provider.received) == 2


async def test_a_later_turn_group_may_do_what_an_earlier_one_finished(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.execute("refund", ORDER)
        result = await toolbox.execute("refund", ORDER, OTHER_GROUP)
        assert result.status == tool_pb2.TOOL_STATUS_SUCCESS
        assert len(provider.received) == 2


@pytest.mark.parametrize("tool", ["refund", "reserve"])
async def test_doubt_blocks_the_order_in_every_turn_group(database: str, tool: str) -> None:
    """Break: leave IN_DOUBT out of the index and of `other` in `reserve`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(tool_provider.hang_up, tool_provider.answer())
        doubtful = await toolbox.execute(tool, ORDER)
        repeated = await toolbox.execute(tool, ORDER)
        elsewhere = await toolbox.execute(tool, ORDER, OTHER_GROUP)
        assert doubtful.status == repeated.status == tool_pb2.TOOL_STATUS_IN_DOUBT
        assert repeated.error_reason == "connection_lost"
        assert elsewhere.status == tool_pb2.TOOL_STATUS_REFUSED
        assert elsewhere.error_reason == "EFFECT_IN_DOUBT"
        assert elsewhere.effect_id == doubtful.effect_id
        assert not elsewhere.commit_point_reached
        assert len(provider.received) == 1
        other_order = await toolbox.execute(tool, {"order_id": "10004"}, OTHER_GROUP)
        assert other_order.status == tool_pb2.TOOL_STATUS_SUCCESS


async def test_an_idempotent_effect_in_doubt_is_sent_again(database: str) -> None:
    """Repeating it is safe, so doubt about a label blocks nobody (ADR 0062)."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, retry={"requests": 1}) as toolbox,
    ):
        provider.behave(tool_provider.hang_up, tool_provider.hang_up, tool_provider.answer())
        first = await toolbox.execute("label", ORDER)
        elsewhere = await toolbox.execute("label", ORDER, OTHER_GROUP)
        again = await toolbox.execute("label", ORDER)
        assert [first.status, elsewhere.status] == 2 * [tool_pb2.TOOL_STATUS_IN_DOUBT]
        assert again.status == tool_pb2.TOOL_STATUS_SUCCESS
        assert again.effect_id == first.effect_id
        states = {effect.effect_id: (effect.state, effect.attempts) for effect in await toolbox.effects()}
        assert states[first.effect_id] == (effect_pb2.EFFECT_STATE_DONE, 2)


async def test_a_failed_effect_may_be_tried_again(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(tool_provider.answer(422), tool_provider.answer())
        refused = await toolbox.execute("refund", {"order_id": "1", "amount": 900})
        assert (refused.status, refused.error_reason) == (tool_pb2.TOOL_STATUS_ERROR, "http_422")
        second_try = Turn(turn_id="trn_2", epoch=2)
        paid = await toolbox.execute("refund", {"order_id": "1", "amount": 9}, second_try)
        assert paid.status == tool_pb2.TOOL_STATUS_SUCCESS
        (effect,) = await toolbox.effects()
        assert (effect.attempts, effect.epoch, effect.turn_id) == (2, 2, "trn_2")
        assert effect.arguments_json == '{"amount":9,"order_id":"1"}'
        assert effect.error_reason == ""


async def test_the_effect_is_recorded_although_the_caller_left(database: str) -> None:
    """Break: await the run's coroutine in `Effects.carry_out` instead of starting it in `Runs`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        release = asyncio.Event()
        provider.behave(tool_provider.answer(after=release))
        call = toolbox.call("refund", ORDER)
        await asyncio.wait_for(provider.arrived.wait(), 5)
        call.cancel()
        await until(lambda: toolbox.metric("focal_rpc_in_flight") == 0, "the cut call has ended")
        release.set()
        result = await toolbox.execute("refund", ORDER)
        assert result.status == tool_pb2.TOOL_STATUS_CACHED
        assert len(provider.received) == 1


async def test_the_effect_is_recorded_although_the_process_was_told_to_stop(database: str) -> None:
    """Break: leave `runs.drain` out of the stack in `app.build`."""
    deployment = in_process.Deployment()
    async with tool_provider.serving() as provider:
        release = asyncio.Event()
        provider.behave(tool_provider.answer(after=release))
        async with running_toolbox.serving(database, provider.url, deployment=deployment) as toolbox:
            call = asyncio.create_task(toolbox.execute("refund", ORDER))
            await asyncio.wait_for(provider.arrived.wait(), 5)
            asyncio.get_running_loop().call_later(0.4, release.set)
        await asyncio.gather(call, return_exceptions=True)
        async with running_toolbox.serving(database, provider.url, deployment=deployment) as toolbox:
            result = await toolbox.execute("refund", ORDER)
        assert result.status == tool_pb2.TOOL_STATUS_CACHED
        assert len(provider.received) == 1


async def test_an_effect_cut_off_by_the_drain_is_in_doubt(database: str) -> None:
    async with tool_provider.serving() as provider:
        provider.behave(tool_provider.hang)
        impatient = {"drain_s": 0.1}
        async with running_toolbox.serving(database, provider.url, execution=impatient) as toolbox:
            call = asyncio.create_task(toolbox.execute("refund", ORDER))
            await asyncio.wait_for(provider.arrived.wait(), 5)
        await asyncio.gather(call, return_exceptions=True)
        async with running_toolbox.serving(database, provider.url) as toolbox:
            (effect,) = await toolbox.effects()
    assert effect.state == effect_pb2.EFFECT_STATE_IN_DOUBT
    assert effect.error_reason == "interrupted"


async def test_a_call_that_waited_too_long_for_an_equal_one_is_refused(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, execution={"wait_s": 0.1}) as toolbox,
    ):
        release = asyncio.Event()
        provider.behave(tool_provider.answer(after=release))
        first = asyncio.create_task(toolbox.execute("refund", ORDER))
        await asyncio.wait_for(provider.arrived.wait(), 5)
        second = await toolbox.execute("refund", ORDER)
        assert second.error_reason == "EFFECT_IN_PROGRESS"
        release.set()
        assert (await first).status == tool_pb2.TOOL_STATUS_SUCCESS


async def test_tenants_do_not_meet(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(tool_provider.hang_up, tool_provider.answer())
        await toolbox.execute("refund", ORDER)
        stranger = replace(toolbox, tenant="globex")
        result = await stranger.execute("refund", ORDER)
        assert result.status == tool_pb2.TOOL_STATUS_SUCCESS
        assert len(await stranger.effects()) == len(await toolbox.effects()) == 1
