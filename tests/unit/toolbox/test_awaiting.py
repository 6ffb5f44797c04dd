from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from focal_service_kit import deadlines
from focal_toolbox.core.awaiting import MARGIN_S, Patience
from focal_toolbox.core.reporting import Reporting
from focal_toolbox.domain import report as tokens
from focal_toolbox.domain.effect import State
from focal_toolbox.domain.redaction import Redaction
from focal_toolbox.domain.report import Report
from focal_toolbox.domain.result import Result, Status
from tests.fakes.toolbox.provider import LOST, REFUSED, ScriptedProvider
from tests.fakes.toolbox_desk import ORDER, Desk
from tests.fakes.until import until

LATER = replace(ORDER, tool_name="ship_later")
SHIPPED = Report(State.DONE, '{"parcel":7}')


def _desk(wait_s: float = 5, provider: ScriptedProvider | None = None) -> Desk:
    return Desk(provider=provider or ScriptedProvider(), patience=Patience(wait_s, 0.002))


async def _report(desk: Desk, report: Report = SHIPPED) -> None:
    await desk.reporting.report(desk.provider.handovers[-1].token, report)


async def _accepted(desk: Desk) -> asyncio.Task[Result]:
    """A call whose request has been taken on."""
    calling = asyncio.create_task(desk.execute(LATER))
    await until(lambda: desk.ledger.rows.effects and desk.state() is State.ACCEPTED, "it is taken on")
    return calling


async def test_a_call_returns_the_report_that_it_waited_for() -> None:
    desk = _desk()
    calling = await _accepted(desk)
    await _report(desk)
    result = await calling
    assert (result.status, result.result_json) == (Status.SUCCESS, SHIPPED.result_json)
    assert result.commit_point_reached
    assert desk.ledger.rows.follow_ups == {}


async def test_a_reported_failure_is_the_call_s_error() -> None:
    desk = _desk()
    calling = await _accepted(desk)
    await _report(desk, Report(State.FAILED, error_reason="out_of_stock"))
    result = await calling
    assert (result.status, result.error_reason, desk.state()) == (Status.ERROR, "out_of_stock", State.FAILED)


async def test_a_call_whose_wait_is_over_has_started_something() -> None:
    desk = _desk(wait_s=0.01)
    result = await desk.execute(LATER)
    assert (result.status, result.result_json, desk.state()) == (Status.STARTED, "", State.ACCEPTED)
    await _report(desk)
    assert len(desk.ledger.rows.follow_ups) == 1


async def test_a_call_never_waits_past_its_deadline() -> None:
    desk = _desk(wait_s=60)
    with deadlines.within(MARGIN_S + 0.05):
        assert (await desk.execute(LATER)).status is Status.STARTED


async def test_what_a_follow_up_turn_already_tells_is_only_started() -> None:
    """The report came and was claimed for a turn between two looks of the call that waits."""
    desk = _desk()
    calling = await _accepted(desk)
    [hash_] = desk.ledger.rows.tokens
    await desk.reports.report(hash_, SHIPPED)
    await desk.reports.claim(1, 1)
    result = await calling
    assert (result.status, result.result_json) == (Status.STARTED, "")


async def test_a_repeated_call_says_that_it_waits_and_shares_the_report() -> None:
    desk = _desk()
    first = await _accepted(desk)
    first.cancel()
    second = asyncio.create_task(desk.execute(LATER))
    await until(lambda: desk.reports.waits, "it says so")
    await desk.reporting.report(desk.provider.handovers[0].token, SHIPPED)
    assert (await second).status is Status.SUCCESS
    assert len(desk.provider.keys) == 1


async def test_a_call_that_finds_a_reported_effect_takes_its_turn_away() -> None:
    desk = _desk(wait_s=0.001)
    await desk.execute(LATER)
    await _report(desk)
    result = await desk.execute(LATER)
    assert (result.status, result.result_json) == (Status.CACHED, SHIPPED.result_json)
    assert desk.ledger.rows.follow_ups == {}


async def test_a_later_turn_that_asks_how_it_stands_does_not_wait() -> None:
    desk = _desk(wait_s=0.001)
    await desk.execute(LATER)
    desk.awaiting._patience = Patience(60, 60)
    later = replace(LATER, attempt=replace(LATER.attempt, turn_id="trn_2", epoch=2))
    assert (await desk.execute(later)).status is Status.STARTED
    assert (desk.reports.waits, len(desk.provider.keys)) == ([], 1)


async def test_a_failure_that_is_asked_for_is_told_once_and_not_tried_again() -> None:
    desk = _desk(wait_s=0.001)
    await desk.execute(LATER)
    await _report(desk, Report(State.FAILED, error_reason="out_of_stock"))
    asked = replace(LATER, no_retry=True)
    for _ in range(2):
        result = await desk.execute(asked)
        assert (result.status, result.error_reason) == (Status.ERROR, "out_of_stock")
    assert (desk.ledger.rows.follow_ups, len(desk.provider.keys)) == ({}, 1)
    assert (await desk.execute(LATER)).status is Status.STARTED
    assert len(desk.provider.keys) == 2


async def test_the_wait_ends_with_the_time_to_report() -> None:
    desk = _desk()
    calling = await _accepted(desk)
    desk.reports.lapsed = True
    await desk.reports.doubt_unreported()
    result = await calling
    assert (result.status, result.error_reason) == (Status.IN_DOUBT, "not_reported")


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [(REFUSED, Status.ERROR, "order_not_found"), (LOST, Status.IN_DOUBT, "timeout")],
)
async def test_a_request_that_nobody_took_on_is_not_waited_for(
    answer: object, status: Status, reason: str
) -> None:
    desk = _desk(wait_s=60, provider=ScriptedProvider([answer]))  # type: ignore[list-item]
    result = await desk.execute(LATER)
    assert (result.status, result.error_reason) == (status, reason)


async def test_a_report_before_the_lost_acceptance_is_the_result() -> None:
    provider = ScriptedProvider([LOST], hold=asyncio.Event())
    desk = _desk(provider=provider)
    calling = asyncio.create_task(desk.execute(LATER))
    await provider.sent.wait()
    await _report(desk)
    provider.hold.set()  # type: ignore[union-attr]
    result = await calling
    assert (result.status, result.error_message) == (Status.SUCCESS, "")


async def test_what_is_taken_on_is_not_undone_yet() -> None:
    desk = _desk(wait_s=0.001)
    await desk.execute(replace(ORDER, tool_name="reserve_later"))
    [undoing] = (await desk.compensate()).undoings
    assert (undoing.result.error_reason, undoing.passing) == ("EFFECT_IN_PROGRESS", True)


async def test_a_compensation_that_is_reported_later_asks_for_repetition_until_it_is() -> None:
    desk = _desk(wait_s=0.001)
    await desk.execute(replace(ORDER, tool_name="book"))
    undone = await desk.compensate()
    assert (undone.undoings[0].result.status, undone.repeat) == (Status.STARTED, True)
    await _report(desk)
    undone = await desk.compensate()
    assert ([each.state for each in undone.effects], undone.repeat) == ([State.COMPENSATED], False)
    assert desk.ledger.rows.follow_ups == {}


async def test_a_pure_tool_has_no_row_for_a_late_result() -> None:
    desk = _desk()
    result = await desk.execute(replace(ORDER, tool_name="read_later"))
    assert (result.status, result.error_reason) == (Status.REFUSED, "INVALID_BUNDLE")


async def test_a_provider_without_late_results_is_not_asked_for_one() -> None:
    desk = _desk()
    result = await desk.execute(replace(ORDER, tool_name="post_later"))
    assert (result.status, result.error_reason) == (Status.REFUSED, "INVALID_BUNDLE")


async def test_hints_follow_what_is_stored_and_a_bad_token_gives_none() -> None:
    desk, heard = _desk(wait_s=0.001), list[str]()
    effect = (await desk.execute(LATER)).effect
    assert effect
    reporting = Reporting(desk.reports, desk.report_meter, heard.append, heard.append)
    for token in ("", "frt_", tokens.new_token()):
        with pytest.raises(Exception, match="not good"):
            await reporting.report(token, SHIPPED)
    assert heard == []
    await reporting.report(desk.provider.handovers[-1].token, SHIPPED)
    assert heard == [effect.effect_id] * 2
    assert desk.report_meter.reports == [None, None, None, State.DONE]


async def test_no_report_is_entered_with_a_secret() -> None:
    """Break: hand `report` instead of what `_concealed` makes of it to the ledger."""
    desk = _desk(wait_s=0.001)
    await desk.execute(LATER)
    reporting = Reporting(desk.reports, desk.report_meter, secrecy=Redaction(["s3cret-token"]))
    echo = Report(State.DONE, result_json='{"you_sent":"s3cret-token"}')
    effect = await reporting.report(desk.provider.handovers[-1].token, echo)
    assert effect.result_json == '{"you_sent":"[secret]"}'


async def test_the_request_says_how_long_the_token_is_good() -> None:
    desk = _desk(wait_s=0.001)
    await desk.execute(LATER)
    [handover] = desk.provider.handovers
    assert (handover.tool_name, handover.within_s) == ("ship_later", 60)
    assert tokens.wellformed(handover.token)
    assert list(desk.ledger.rows.tokens) == [tokens.token_hash(handover.token)]
