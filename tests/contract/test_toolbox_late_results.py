"""Asynchronous tools: a partner that takes requests on by HTTP and reports their results by gRPC."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.turn.v1 import turn_pb2
from focal_kernel.errors import FailedPrecondition, Unavailable
from focal_service_kit import errors as wire
from focal_toolbox.domain.report import token_hash
from tests.doubles import tool_provider
from tests.fakes import effects_schema, toolbox_process
from tests.fakes.late_results import LEASE_S, ORDER, Scene, playing
from tests.fakes.running_toolbox import Turn
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

SHIPPED = '{"parcel":"P-7"}'
SUCCESS, ERROR, CACHED, REFUSED, STARTED, IN_DOUBT = (
    tool_pb2.TOOL_STATUS_SUCCESS,
    tool_pb2.TOOL_STATUS_ERROR,
    tool_pb2.TOOL_STATUS_CACHED,
    tool_pb2.TOOL_STATUS_REFUSED,
    tool_pb2.TOOL_STATUS_STARTED,
    tool_pb2.TOOL_STATUS_IN_DOUBT,
)
AWAY = Unavailable("DEPENDENCY_UNAVAILABLE", "not now")


async def _refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), wire.from_rpc(caught.value).reason


async def test_a_report_in_time_is_the_result_of_the_call_and_opens_no_turn(database: str) -> None:
    async with playing(database, wait_s=5) as scene:
        calling = asyncio.create_task(scene.toolbox.execute("ship", ORDER))
        await until(lambda: scene.partner.received, "the request arrives")
        await until(lambda: _is(scene, effect_pb2.EFFECT_STATE_ACCEPTED), "it is taken on")
        told = await scene.toolbox.report(scene.token, result_json='{ "parcel": "P-7" }')
        assert (told.state, told.tool_name) == (effect_pb2.EFFECT_STATE_DONE, "ship")
        assert (told.session_id, told.arguments_json, told.business_key) == ("", "", "")
        result = await calling
        assert (result.status, result.result_json) == (SUCCESS, SHIPPED)
        assert result.commit_point_reached
        await asyncio.sleep(0.3)
        assert scene.turns.calls == 0


async def test_a_report_that_overtakes_the_acceptance_counts(database: str) -> None:
    async with playing(database) as scene:
        reported = asyncio.Event()
        scene.partner.behave(tool_provider.answer(202, "{}", after=reported))
        calling = asyncio.create_task(scene.toolbox.execute("ship", ORDER))
        await until(lambda: scene.partner.received, "the request arrives")
        await scene.toolbox.report(scene.token, result_json=SHIPPED)
        reported.set()
        result = await calling
        assert (result.status, result.result_json) == (SUCCESS, SHIPPED)
        assert (await scene.state(), scene.turns.calls) == (effect_pb2.EFFECT_STATE_DONE, 0)


async def test_a_late_report_opens_one_turn_however_often_the_gateway_fails(database: str) -> None:
    async with playing(database, AWAY, AWAY) as scene:
        result = await scene.toolbox.execute("ship", ORDER)
        assert (result.status, result.effect_state) == (STARTED, effect_pb2.EFFECT_STATE_ACCEPTED)
        assert (result.result_json, result.commit_point_reached) == ("", True)
        # The same operation must not begin before its end is known, in whatever turn.
        again = await scene.toolbox.execute("ship", ORDER, Turn("ses_2", "trn_2", "grp_2"))
        assert (again.status, again.error_reason) == (REFUSED, "EFFECT_IN_PROGRESS")
        assert len(scene.partner.received) == 1
        await scene.toolbox.report(scene.token, result_json=SHIPPED)
        await until(lambda: scene.turns.opened, "the follow-up turn is opened")
        await scene.quiet()
        [(tenant, opened)] = scene.turns.opened
        assert (tenant, opened.session_id, opened.cause) == ("acme", "ses_1", turn_pb2.TURN_CAUSE_TOOL_RESULT)
        assert (opened.cause_id, bool(opened.request_id)) == (result.effect_id, True)
        told = json.loads(opened.payload_json)
        assert told.pop("text") == "The result of ship has come."
        assert told == {
            "tool": "ship",
            "effect_id": result.effect_id,
            "status": "SUCCESS",
            "result": {"parcel": "P-7"},
        }
        # The attempt that comes after a crash finds the recorded result.
        repeat = await scene.toolbox.execute("ship", ORDER, Turn(epoch=2))
        assert (repeat.status, repeat.result_json) == (CACHED, SHIPPED)
        assert (scene.turns.calls, len(scene.partner.received)) == (3, 1)


async def test_a_late_failure_opens_a_turn_and_frees_the_operation(database: str) -> None:
    async with playing(database) as scene:
        await scene.toolbox.execute("ship", ORDER)
        told = await scene.toolbox.report(scene.token, status=ERROR, error_reason="Out_Of_Stock")
        assert told.state == effect_pb2.EFFECT_STATE_FAILED
        await until(lambda: scene.turns.opened, "the follow-up turn is opened")
        payload = json.loads(scene.turns.opened[0][1].payload_json)
        assert (payload["status"], payload["reason"]) == ("ERROR", "out_of_stock")
        again = await scene.toolbox.execute("ship", ORDER, Turn("ses_1", "trn_2", "grp_2", 2))
        assert (again.status, len(scene.partner.received)) == (STARTED, 2)


async def test_a_turn_whose_session_has_ended_is_given_up(database: str) -> None:
    ended = FailedPrecondition("SESSION_ENDED", "over")
    async with playing(database, ended) as scene:
        await scene.toolbox.execute("ship", ORDER)
        await scene.toolbox.report(scene.token, result_json=SHIPPED)
        await until(
            lambda: scene.toolbox.metric("tool_follow_up_dropped_total"), "the follow-up turn is dropped"
        )
        await scene.quiet()
        assert (scene.turns.calls, scene.turns.opened) == (1, [])


async def test_a_second_attempt_that_waits_takes_the_report(database: str) -> None:
    """The first attempt's process sent the request and its caller has gone; the news is told once."""
    async with playing(database, wait_s=5) as scene:
        first = scene.toolbox.call("ship", ORDER)
        await until(lambda: _is(scene, effect_pb2.EFFECT_STATE_ACCEPTED), "it is taken on")
        first.cancel()
        second = asyncio.create_task(scene.toolbox.execute("ship", ORDER, Turn(epoch=2)))
        await asyncio.sleep(0.1)
        await scene.toolbox.report(scene.token, result_json=SHIPPED)
        result = await second
        assert (result.status, result.result_json) == (SUCCESS, SHIPPED)
        await asyncio.sleep(0.3)
        assert (scene.turns.calls, len(scene.partner.received)) == (0, 1)


async def test_a_token_is_good_for_one_report_and_nobody_learns_why_not(database: str) -> None:
    async with playing(database) as scene:
        await scene.toolbox.execute("ship", ORDER)
        token = scene.token
        first = await scene.toolbox.report(token, result_json=SHIPPED)
        assert await scene.toolbox.report(token, result_json=SHIPPED) == first
        wrong: list[tuple[str, dict[str, Any]]] = [
            (token, {"result_json": '{"parcel":"P-8"}'}),
            (token, {"status": ERROR}),
            ("frt_" + "x" * 43, {}),
            ("'; DROP TABLE effects.effects; --", {}),
            ("", {}),
        ]
        found = {await _refusal(scene.toolbox.report(each, **result)) for each, result in wrong}
        assert found == {(grpc.StatusCode.NOT_FOUND, "RESULT_TOKEN_INVALID")}
        assert scene.toolbox.metric("tool_result_report_total", outcome="REFUSED") == len(wrong)
        await until(lambda: scene.turns.opened, "the follow-up turn is opened")
        await scene.quiet()
        assert len(scene.turns.opened) == 1


async def test_concurrent_reports_with_one_token_agree_on_one(database: str) -> None:
    async with playing(database) as scene:
        await scene.toolbox.execute("ship", ORDER)
        reports = (scene.toolbox.report(scene.token, result_json=str(number % 2)) for number in range(20))
        found = await asyncio.gather(*reports, return_exceptions=True)
        taken = [each for each in found if isinstance(each, effect_pb2.Effect)]
        assert len(taken) == 10
        await until(lambda: scene.turns.opened, "the follow-up turn is opened")
        await scene.quiet()
        assert len(scene.turns.opened) == 1


async def test_what_is_not_reported_in_time_is_in_doubt_and_stays_blocked(database: str) -> None:
    async with playing(database) as scene:
        assert (await scene.toolbox.execute("hasty", ORDER)).status == STARTED
        await until(lambda: _is(scene, effect_pb2.EFFECT_STATE_IN_DOUBT), "it is in doubt")
        [effect] = await scene.toolbox.effects(state=effect_pb2.EFFECT_STATE_IN_DOUBT)
        assert effect.error_reason == "not_reported"
        assert scene.toolbox.metric("tool_result_unreported_total") == 1
        again = await scene.toolbox.execute("hasty", ORDER, Turn("ses_2", "trn_2", "grp_2"))
        assert (again.status, again.error_reason) == (REFUSED, "EFFECT_IN_DOUBT")
        late = await _refusal(scene.toolbox.report(scene.token))
        assert late == (grpc.StatusCode.NOT_FOUND, "RESULT_TOKEN_INVALID")
        assert scene.turns.opened == []
        await scene.toolbox.resolve(effect.effect_id, effect_pb2.EFFECT_STATE_DONE, result_json="{}")
        await until(lambda: scene.turns.opened, "who heard that it was taken on is told of the end")


async def test_a_refusal_of_the_request_ends_it_at_once(database: str) -> None:
    async with playing(database) as scene:
        scene.partner.behave(tool_provider.answer(409, tool_provider.refusal("ALREADY_SHIPPED")))
        result = await scene.toolbox.execute("ship", ORDER)
        assert (result.status, result.error_reason) == (ERROR, "already_shipped")
        late = await _refusal(scene.toolbox.report(scene.token))
        assert late == (grpc.StatusCode.NOT_FOUND, "RESULT_TOKEN_INVALID")


async def test_a_report_settles_the_doubt_about_a_lost_acceptance(database: str) -> None:
    async with playing(database) as scene:
        scene.partner.behave(tool_provider.hang_up)
        assert (await scene.toolbox.execute("ship", ORDER)).status == IN_DOUBT
        await scene.toolbox.report(scene.token, result_json=SHIPPED)
        assert await scene.state() == effect_pb2.EFFECT_STATE_DONE
        await until(lambda: scene.turns.opened, "the follow-up turn is opened")


async def test_a_provider_that_knows_the_first_request_may_report_after_the_second(database: str) -> None:
    async with playing(database) as scene:
        scene.partner.behave(tool_provider.hang_up)
        assert (await scene.toolbox.execute("label", ORDER)).status == IN_DOUBT
        first = scene.token
        scene.partner.behave(tool_provider.answer(202))
        assert (await scene.toolbox.execute("label", ORDER, Turn(epoch=2))).status == STARTED
        assert scene.token != first
        await scene.toolbox.report(first, result_json=SHIPPED)
        assert await scene.state() == effect_pb2.EFFECT_STATE_DONE


async def test_templates_may_put_the_token_elsewhere(database: str) -> None:
    async with playing(database) as scene:
        await scene.toolbox.execute("in_body", ORDER)
        body = json.loads(scene.partner.received[-1].body)
        assert body == {"order": "10003", "reply": scene.token}


async def test_no_table_of_the_ledger_knows_a_token(database: str) -> None:
    """Break: return the token itself from `report.token_hash`, or let `Job.wish` add it to the arguments."""
    async with playing(database) as scene:

        async def echo(writer: asyncio.StreamWriter) -> None:
            await tool_provider.answer(202, json.dumps({"token": scene.token}))(writer)

        scene.partner.behave(echo)
        await scene.toolbox.execute("in_body", ORDER)
        rows = await effects_schema.rows(database)
        await scene.toolbox.report(scene.token, result_json=SHIPPED)
        rows += await effects_schema.rows(database)
        assert sum(token_hash(scene.token) in row for row in rows) == 2
        assert not [row for row in rows if scene.token.removeprefix("frt_") in row]


async def test_a_token_is_forgotten_a_while_after_it_lapsed_and_no_sooner(database: str) -> None:
    """Break: leave the DELETE, or `p_kept`, out of `doubt_unreported`."""
    async with (
        playing(database, wait_s=0, tokens_kept_s=60) as scene,
        asyncpg.create_pool(database, min_size=1, max_size=1) as pool,
    ):
        tokens: list[str] = []
        for number in range(2):
            await scene.toolbox.execute("ship", {"order_id": str(number)})
            await scene.toolbox.report(scene.token, result_json=SHIPPED)
            tokens.append(scene.token)
        await pool.execute(
            """
            UPDATE effects.result_tokens SET expires_at = clock_timestamp()
                - CASE token_hash WHEN $1 THEN interval '61 s' ELSE interval '30 s' END
            """,
            token_hash(tokens[0]),
        )

        async def forgotten() -> bool:
            return len(await pool.fetch("SELECT FROM effects.result_tokens")) < len(tokens)

        await until(forgotten, "a token is forgotten")
        repeated = await scene.toolbox.report(tokens[1], result_json=SHIPPED)
        assert repeated.state == effect_pb2.EFFECT_STATE_DONE
        late = await _refusal(scene.toolbox.report(tokens[0], result_json=SHIPPED))
        assert late == (grpc.StatusCode.NOT_FOUND, "RESULT_TOKEN_INVALID")


async def test_only_reports_need_no_login_and_a_malformed_one_uses_up_no_token(database: str) -> None:
    async with playing(database) as scene:
        found = await _refusal(scene.toolbox.nobody().ListEffects(pb.ListEffectsRequest(), timeout=5))
        assert found == (grpc.StatusCode.UNAUTHENTICATED, "AUTHENTICATION_REQUIRED")
        await scene.toolbox.execute("ship", ORDER)
        malformed = await _refusal(scene.toolbox.report(scene.token, result_json="{"))
        assert malformed == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert (await scene.toolbox.report(scene.token)).state == effect_pb2.EFFECT_STATE_DONE


@pytest.mark.parametrize("recorded", [False, True])
async def test_a_toolbox_killed_before_the_report_loses_nothing(
    database: str, tmp_path: Path, recorded: bool
) -> None:
    """An acceptance that was not recorded is in doubt first, as every lost request is; one that was stands.
    The report settles either, and as the call that waited is gone, another toolbox opens the turn.
    """
    async with playing(database) as scene:
        answers = asyncio.Event()
        scene.partner.behave(tool_provider.answer(202, after=answers))
        async with toolbox_process.started(
            tmp_path,
            deployment=scene.toolbox.running.deployment,
            database=database,
            config_watcher=scene.toolbox.watcher,
            provider_url=scene.partner.url,
        ) as doomed:
            there = replace(scene.toolbox, running=replace(scene.toolbox.running, target=doomed.target))
            calling = asyncio.ensure_future(there.execute("ship", ORDER))
            await until(lambda: scene.partner.received, "the request arrives", timeout_s=10)
            if recorded:
                answers.set()
                await until(lambda: _is(scene, effect_pb2.EFFECT_STATE_ACCEPTED), "it is recorded")
            doomed.kill()
            with pytest.raises(grpc.aio.AioRpcError):
                await calling
        if recorded:
            await asyncio.sleep(2.5 * LEASE_S)
            assert await scene.state() == effect_pb2.EFFECT_STATE_ACCEPTED
        else:
            await until(lambda: _is(scene, effect_pb2.EFFECT_STATE_IN_DOUBT), "it is in doubt", timeout_s=10)
        await scene.toolbox.report(scene.token, result_json=SHIPPED)
        await until(lambda: scene.turns.opened, "the follow-up turn is opened")
        assert (await scene.state(), len(scene.turns.opened)) == (effect_pb2.EFFECT_STATE_DONE, 1)


async def _is(scene: Scene, state: int) -> bool:
    found = await scene.toolbox.effects()
    return bool(found) and found[0].state == state
