"""Effects in doubt are ended by a person or by asking the provider, each once, whoever else is at it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import grpc
import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1.toolbox_service_pb2_grpc import ToolboxServiceStub
from focal_service_kit import errors
from focal_toolbox.adapters.postgres_doubts import Pace, PostgresDoubts
from tests.doubles import tool_provider
from tests.fakes import in_process, running_toolbox
from tests.fakes.running_toolbox import RunningToolbox, Turn
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

ORDER = {"order_id": "10003"}
ELSEWHERE = Turn(session_id="ses_2", turn_id="trn_2", turn_group_id="grp_2")
DONE, FAILED, IN_DOUBT, COMPENSATING, COMPENSATED = (
    effect_pb2.EFFECT_STATE_DONE,
    effect_pb2.EFFECT_STATE_FAILED,
    effect_pb2.EFFECT_STATE_IN_DOUBT,
    effect_pb2.EFFECT_STATE_COMPENSATING,
    effect_pb2.EFFECT_STATE_COMPENSATED,
)
YES, NO = tool_provider.answer(body='{"paid_out":"7.00"}'), tool_provider.answer(body='{"paid_out":""}')
BUSY = tool_provider.answer(503)


async def _refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), errors.from_rpc(caught.value).reason


async def _in_doubt(toolbox: RunningToolbox, provider: tool_provider.ToolProvider, tool: str) -> str:
    provider.behave(tool_provider.hang_up, tool_provider.answer())
    result = await toolbox.execute(tool, ORDER)
    assert result.status == tool_pb2.TOOL_STATUS_IN_DOUBT
    provider.received.clear()
    effect_id: str = result.effect_id
    return effect_id


async def _shown(toolbox: RunningToolbox, effect_id: str) -> pb.GetEffectResponse:
    return await toolbox.stub().GetEffect(pb.GetEffectRequest(effect_id=effect_id), timeout=5)


async def test_a_persons_yes_is_the_result_and_frees_the_order(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        effect_id = await _in_doubt(toolbox, provider, "refund")
        assert (await toolbox.execute("refund", ORDER, ELSEWHERE)).error_reason == "EFFECT_IN_DOUBT"
        resolved = await toolbox.resolve(effect_id, DONE, result_json='{"refund_id": "RF-1"}')
        assert (resolved.state, resolved.error_reason) == (DONE, "")
        said = resolved.resolution
        assert (said.resolved_by, said.check_tool, said.reason) == ("ada", "", "seen in the books")
        assert said.resolved_at == resolved.updated_at
        repeated = await toolbox.execute("refund", ORDER)
        assert repeated.status == tool_pb2.TOOL_STATUS_CACHED
        assert repeated.result_json == '{"refund_id":"RF-1"}'
        assert provider.received == []
        assert (await toolbox.execute("refund", ORDER, ELSEWHERE)).status == tool_pb2.TOOL_STATUS_SUCCESS


async def test_after_a_persons_no_the_call_may_be_tried_again_and_the_audit_keeps_it(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        effect_id = await _in_doubt(toolbox, provider, "refund")
        assert (await toolbox.resolve(effect_id, FAILED)).error_reason == "resolved"
        provider.behave(tool_provider.hang_up)
        assert (await toolbox.execute("refund", ORDER)).status == tool_pb2.TOOL_STATUS_IN_DOUBT
        assert not (await _shown(toolbox, effect_id)).effect.HasField("resolution")
        await toolbox.resolve(effect_id, DONE, reason="asked the bank")
        shown = await _shown(toolbox, effect_id)
        assert [(one.state, one.reason) for one in shown.resolutions] == [
            (DONE, "asked the bank"),
            (FAILED, "seen in the books"),
        ]
        assert len(provider.received) == 1


async def test_who_may_decide_about_what(database: str) -> None:
    """Break: leave `require_role` out of the two calls, or the tenant out of `effects.resolve`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        effect_id = await _in_doubt(toolbox, provider, "refund")
        request = pb.ResolveEffectRequest(effect_id=effect_id, state=DONE, reason="r", request_id="q")
        asking = pb.CheckEffectRequest(effect_id=effect_id)
        denied = (grpc.StatusCode.PERMISSION_DENIED, "INSUFFICIENT_PERMISSIONS")
        for nobody in (toolbox.stub(), toolbox.stub(Turn())):
            assert await _refusal(nobody.ResolveEffect(request, timeout=5)) == denied
            assert await _refusal(nobody.CheckEffect(asking, timeout=5)) == denied
        stranger = replace(toolbox, tenant="globex")
        absent = (grpc.StatusCode.NOT_FOUND, "EFFECT_NOT_FOUND")
        assert await _refusal(stranger.admin().ResolveEffect(request, timeout=5)) == absent
        assert await _refusal(stranger.admin().CheckEffect(asking, timeout=5)) == absent
        look = pb.GetEffectRequest(effect_id=effect_id)
        assert await _refusal(stranger.admin().GetEffect(look, timeout=5)) == absent
        channel = toolbox.running.channel(toolbox.running.deployment.operator_token())
        operator: Any = ToolboxServiceStub(channel)
        request.tenant_id = "acme"
        assert (await operator.ResolveEffect(request, timeout=5)).effect.state == DONE
        settled = (grpc.StatusCode.FAILED_PRECONDITION, "EFFECT_NOT_RESOLVABLE")
        assert await _refusal(toolbox.resolve(effect_id, FAILED)) == settled
        assert await _refusal(toolbox.check(effect_id)) == settled


async def test_one_request_id_decides_once(database: str) -> None:
    """Break: leave the look for `said` out of `effects.resolve`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        effect_id = await _in_doubt(toolbox, provider, "refund")
        word: dict[str, Any] = {"effect_id": effect_id, "state": DONE, "request_id": "req 1"}
        found = await asyncio.gather(*(toolbox.resolve(**word) for _ in range(16)))
        assert len({effect.SerializeToString() for effect in found}) == 1
        assert len((await _shown(toolbox, effect_id)).resolutions) == 1
        reused = (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
        assert await _refusal(toolbox.resolve(**{**word, "reason": "another"})) == reused
        other = await _in_doubt(toolbox, provider, "pay_out")
        assert await _refusal(toolbox.resolve(**{**word, "effect_id": other})) == reused
        assert (await _shown(toolbox, other)).effect.state == IN_DOUBT


async def test_two_people_who_disagree_leave_the_first_word(database: str) -> None:
    """Break: leave the state out of the WHERE in `conclude`, and the row's lock out of `resolve`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        effect_id = await _in_doubt(toolbox, provider, "refund")
        words = [toolbox.resolve(effect_id, (DONE, FAILED)[number % 2]) for number in range(16)]
        found = await asyncio.gather(*words, return_exceptions=True)
        (first,) = [one for one in found if isinstance(one, effect_pb2.Effect)]
        shown = await _shown(toolbox, effect_id)
        assert (shown.effect.state, len(shown.resolutions)) == (first.state, 1)


@pytest.mark.parametrize(("word", "undone"), [(DONE, COMPENSATED), (FAILED, DONE)])
async def test_what_a_compensation_undoes_changes_with_the_word_about_it(
    database: str, word: Any, undone: Any
) -> None:
    """Break: set the state in `effects.resolve` itself instead of by `conclude`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        shipped = await toolbox.execute("ship", ORDER)
        provider.behave(tool_provider.hang_up)
        recalled = (await toolbox.compensate()).compensations[0].result
        assert (await _shown(toolbox, shipped.effect_id)).effect.state == COMPENSATING
        await toolbox.resolve(recalled.effect_id, word)
        assert (await _shown(toolbox, shipped.effect_id)).effect.state == undone


async def test_a_check_is_made_when_somebody_asks_for_it(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, check={"after_s": 300}) as toolbox,
    ):
        effect_id = await _in_doubt(toolbox, provider, "pay_out")
        provider.behave(NO, BUSY, BUSY, BUSY, YES)
        too_early, failed, told = [await toolbox.check(effect_id) for _ in range(3)]
        assert (too_early.finding, too_early.effect.state) == (pb.CHECK_FINDING_ABSENT, IN_DOUBT)
        assert "on its way" in too_early.message
        assert (failed.finding, failed.error_reason) == (pb.CHECK_FINDING_UNKNOWN, "http_503")
        assert (told.finding, told.effect.state) == (pb.CHECK_FINDING_HAPPENED, DONE)
        assert told.effect.result_json == '{"paid_out":"7.00"}'
        assert (told.effect.resolution.check_tool, told.effect.resolution.resolved_by) == ("look_up", "")
        assert {request.target for request in provider.received} == {"/orders/10003"}
        unasked = await _in_doubt(toolbox, provider, "refund")
        assert (await _refusal(toolbox.check(unasked)))[1] == "EFFECT_NOT_CHECKABLE"
        assert len((await _shown(toolbox, effect_id)).resolutions) == 1


async def test_the_background_asks_with_growing_pauses_until_it_is_told(database: str) -> None:
    """Break: leave the background out of `app.build`."""
    patient = {"tries": 20, "after_s": 0}
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, retry={"requests": 1}, check=patient) as toolbox,
    ):
        provider.behave(tool_provider.hang_up, BUSY, BUSY, NO, tool_provider.answer())
        effect_id = (await toolbox.execute("pay_out", ORDER)).effect_id

        async def failed() -> bool:
            return (await _shown(toolbox, effect_id)).effect.state == FAILED

        await until(failed, "the no is believed")
        effect = (await _shown(toolbox, effect_id)).effect
        assert (effect.error_reason, effect.checks) == ("check_found_nothing", 3)
        assert toolbox.metric("tool_effect_check_total", tenant="acme", finding="UNKNOWN") == 2
        assert (await toolbox.execute("pay_out", ORDER)).status == tool_pb2.TOOL_STATUS_SUCCESS
        payments = [one for one in provider.received if one.method == "POST"]
        assert len({one.headers["idempotency-key"] for one in payments}) == 1
        assert len(payments) == 2


async def test_an_effect_is_asked_about_so_often_and_no_more(database: str) -> None:
    """Break: leave `checks < p_tries` out of `claim_checks`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database, provider.url, retry={"requests": 1}, check={"tries": 3}, circuits={"failures": 100}
        ) as toolbox,
    ):
        provider.behave(tool_provider.hang_up, BUSY)
        effect_id = (await toolbox.execute("pay_out", ORDER)).effect_id
        await until(lambda: len(provider.received) >= 4, "three questions")
        provider.behave(tool_provider.hang_up, YES)
        other = (await toolbox.execute("pay_out", {"order_id": "10004"})).effect_id

        async def done() -> bool:
            return (await _shown(toolbox, other)).effect.state == DONE

        await until(done, "the other one is done")
        assert (await _shown(toolbox, effect_id)).effect.checks == 3
        assert [one.target for one in provider.received].count("/orders/10003") == 3


async def test_a_question_that_is_held_back_is_put_later_and_costs_no_try(database: str) -> None:
    """Break: `checks` or `check_at` out of `_HOLD_BACK`, each by itself; `hold_back` out of `Checks`."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database,
            provider.url,
            check={"tries": 1, "first_pause_s": 0.02, "longest_pause_s": 60},
            circuits={"failures": 1, "open_s": 0.4},
        ) as toolbox,
    ):
        provider.behave(tool_provider.hang_up, YES)
        effect_id = (await toolbox.execute("pay_out", ORDER)).effect_id

        async def done() -> bool:
            return (await _shown(toolbox, effect_id)).effect.state == DONE

        await until(done, "the question is put once the circuit lets one try")
        assert (await _shown(toolbox, effect_id)).effect.checks == 1
        held_back = toolbox.metric("tool_calls_held_back_total", tenant="acme", reason="CIRCUIT_OPEN")
        assert 0 < held_back <= 3
        assert toolbox.metric("tool_effect_check_total", tenant="acme", finding="UNKNOWN") == 0


async def test_a_question_that_is_taken_back_is_due_when_the_refusal_says_or_after_the_usual_pause(
    database: str,
) -> None:
    """Break: the CASE, `checking_until`, or the reservation out of `_HOLD_BACK`."""
    pace = Pace(tries=1, at_once=8, first_pause_s=0, longest_pause_s=0, hold_s=30)
    kept = "SELECT checks, check_at, checking_until > clock_timestamp() AS asking FROM effects.effects"
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
        asyncpg.create_pool(database, min_size=1, max_size=1) as pool,
    ):
        await _in_doubt(toolbox, provider, "pay_out")
        doubts = PostgresDoubts(pool, pace, 3, follow_up=False)
        for after_s in (0.0, 60.0):
            (effect,) = await doubts.due()
            (taken,) = await pool.fetch(kept)
            await doubts.hold_back(replace(effect, reservation_id="rsv_later"), 60)
            assert await pool.fetch(kept) == [taken]
            await doubts.hold_back(effect, after_s)
            (back,) = await pool.fetch(kept)
            assert (taken["checks"], back["checks"], back["asking"]) == (1, 0, False)
            assert (back["check_at"] - taken["check_at"]).total_seconds() == pytest.approx(after_s, abs=5)
            assert (back["check_at"] == taken["check_at"]) == (not after_s)


async def test_one_toolbox_at_a_time_asks_about_an_effect(database: str) -> None:
    """Break: leave `checking_until` out of `claim_checks`."""
    deployment = in_process.Deployment()
    eager = {"tries": 20}
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, deployment=deployment, check=eager) as one,
        running_toolbox.serving(database, provider.url, deployment=deployment, check=eager) as two,
    ):
        release = asyncio.Event()
        provider.behave(tool_provider.hang_up, tool_provider.answer(body='{"paid_out":true}', after=release))
        effect_id = (await one.execute("pay_out", ORDER)).effect_id
        await until(lambda: len(provider.received) == 2, "a question")
        for box in (one, two):
            running = (grpc.StatusCode.ABORTED, "EFFECT_CHECK_RUNNING")
            assert await _refusal(box.check(effect_id)) == running
        provider.behave(tool_provider.hang_up, tool_provider.answer(body='{"paid_out":true}', after=release))
        other = (await two.execute("pay_out", {"order_id": "10004"})).effect_id
        await until(lambda: len(provider.received) == 4, "a question about the other one")
        release.set()

        async def both_done() -> bool:
            shown = [(await _shown(one, each)).effect.state for each in (effect_id, other)]
            return shown == [DONE, DONE]

        await until(both_done, "both are done")
        targets = [request.target for request in provider.received if request.method == "GET"]
        assert sorted(targets) == ["/orders/10003", "/orders/10004"]
