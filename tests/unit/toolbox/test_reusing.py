"""Results of PURE calls, used again.

Seen to fail: with `KeptRead.fresh` true, with `Writes.before` true, with a key without arguments, agent or
tenant, with failures kept, without the look for a flight, with `_fits` true, with an admission before the
look for what is kept, and without the look after it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from focal_kernel.clock import ManualClock
from focal_toolbox.core import berths
from focal_toolbox.core.reusing import Limits
from focal_toolbox.core.turn_calls import TurnCalls
from focal_toolbox.domain import reads
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.circuit import Rules
from focal_toolbox.domain.order import Arguments, Order
from focal_toolbox.domain.reads import Writes
from focal_toolbox.domain.result import Started, Status
from focal_toolbox.domain.tool import Tool
from tests.fakes.toolbox import limits
from tests.fakes.toolbox.ledger import BEGINNING
from tests.fakes.toolbox.provider import LOST
from tests.fakes.toolbox_desk import ATTEMPT, Desk
from tests.fakes.until import until

STOCK = Order(ATTEMPT, "stock", '{"item":"tent"}')
ONE, TWO = Answer(Verdict.DONE, "1"), Answer(Verdict.DONE, "2")
FAILURE = Answer(Verdict.UNCHANGED, reason="closed")


def desk(**more: object) -> Desk:
    found = Desk(clock=ManualClock(), **more)  # type: ignore[arg-type]
    found.provider.answers = [ONE, TWO]
    return found


def pass_time(desk: Desk, seconds: float) -> None:
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(seconds)


async def test_a_fresh_result_is_used_again_and_says_when_it_was_read() -> None:
    shop = desk()
    assert (await shop.execute(STOCK)).status is Status.SUCCESS
    read_at = shop.clock.now()
    pass_time(shop, 60)
    again = await shop.execute(STOCK)
    assert (again.status, again.result_json, again.read_at) == (Status.CACHED, "1", read_at)
    assert len(shop.provider.keys) == 1


async def test_a_result_that_is_too_old_when_it_is_wanted_is_read_anew() -> None:
    shop = desk()
    await shop.execute(STOCK)
    pass_time(shop, 60.001)
    anew = await shop.execute(STOCK)
    assert (anew.status, anew.result_json, anew.read_at) == (Status.SUCCESS, "2", None)


async def test_a_tool_that_states_no_freshness_is_asked_each_time() -> None:
    shop = desk()
    order = replace(STOCK, tool_name="look_up")
    assert [(await shop.execute(order)).result_json for _ in range(2)] == ["1", "2"]


async def test_other_arguments_and_tenants_are_other_reads_and_other_sessions_are_not() -> None:
    shop = desk()
    await shop.execute(STOCK)
    shop.provider.answers = [TWO]
    for other in (
        replace(STOCK, arguments_json='{"item":"lamp"}'),
        replace(STOCK, attempt=replace(ATTEMPT, tenant_id="umbrella")),
    ):
        assert (await shop.execute(other)).status is Status.SUCCESS
    same = replace(STOCK, arguments_json='{ "item": "tent" }', attempt=replace(ATTEMPT, session_id="ses_2"))
    assert (await shop.execute(same)).status is Status.CACHED


def test_another_agent_or_provider_is_another_read() -> None:
    tool, given = Tool("stock"), Arguments("{}", {})
    keys = {
        reads.key(ATTEMPT, tool, given),
        reads.key(replace(ATTEMPT, agent_id="other"), tool, given),
        reads.key(ATTEMPT, replace(tool, provider="mcp"), given),
        reads.key(ATTEMPT, replace(tool, provider_config_json='{"url":"https://example.com"}'), given),
    }
    assert len(keys) == 4


async def test_a_failure_is_not_kept() -> None:
    shop = desk()
    shop.provider.answers = [FAILURE, ONE]
    assert (await shop.execute(STOCK)).status is Status.ERROR
    assert (await shop.execute(STOCK)).status is Status.SUCCESS


async def test_a_session_that_wrote_after_the_read_began_reads_anew() -> None:
    shop = desk()
    await shop.execute(STOCK)
    for changed_at in (BEGINNING, BEGINNING + timedelta(seconds=1)):
        shop.provider.answers = [TWO]
        shop.writes.standing = Writes(BEGINNING, changed_at)
        assert (await shop.execute(STOCK)).status is Status.SUCCESS
    shop.writes.standing = Writes(BEGINNING, BEGINNING - timedelta(seconds=1))
    assert (await shop.execute(STOCK)).status is Status.CACHED


async def test_while_an_effect_of_the_session_is_open_nothing_is_used_again_or_kept() -> None:
    shop = desk()
    shop.writes.standing = Writes(BEGINNING, open=True)
    assert (await shop.execute(STOCK)).result_json == "1"
    shop.writes.standing = Writes(BEGINNING)
    assert (await shop.execute(STOCK)).result_json == "2"


async def test_without_the_ledger_the_provider_is_asked() -> None:
    shop = desk()
    await shop.execute(STOCK)
    shop.writes.away = True
    assert (await shop.execute(STOCK)).result_json == "2"


async def test_many_who_want_the_same_at_once_make_one_request() -> None:
    shop = desk()
    shop.provider.hold = asyncio.Event()
    calls = [asyncio.create_task(shop.events(STOCK)) for _ in range(5)]
    await shop.provider.sent.wait()
    await until(lambda: shop.writes.asked == len(calls), "every call has come to the read under way")
    shop.provider.hold.set()
    results = [events[-1] for events in await asyncio.gather(*calls)]
    assert sorted(result.status for result in results) == [*[Status.CACHED] * 4, Status.SUCCESS]  # type: ignore[union-attr]
    assert {result.result_json for result in results} == {"1"}  # type: ignore[union-attr]
    assert len(shop.provider.keys) == 1


async def test_who_leaves_does_not_take_the_answer_of_the_others_along() -> None:
    shop = desk()
    shop.provider.hold = asyncio.Event()
    first = asyncio.create_task(shop.events(STOCK))
    await shop.provider.sent.wait()
    second = asyncio.create_task(shop.events(STOCK))
    await asyncio.sleep(0)
    first.cancel()
    shop.provider.hold.set()
    events = await second
    assert isinstance(events[0], Started)
    assert events[-1].status is Status.CACHED  # type: ignore[union-attr]


async def test_a_session_that_wrote_meanwhile_does_not_wait_for_an_older_read() -> None:
    shop = desk()
    shop.provider.hold = asyncio.Event()
    older = asyncio.create_task(shop.events(STOCK))
    await shop.provider.sent.wait()
    shop.writes.standing = Writes(BEGINNING, BEGINNING)
    newer = asyncio.create_task(shop.events(STOCK))
    await until(lambda: len(shop.provider.keys) == 2, "a request of its own")
    shop.provider.hold.set()
    await asyncio.gather(older, newer)


async def test_results_beyond_their_room_are_not_kept() -> None:
    shop = desk(kept=Limits(10_000, 10))
    shop.provider.answers = [Answer(Verdict.DONE, '"' + "x" * 9 + '"')]
    for _ in range(2):
        assert (await shop.execute(STOCK)).status is Status.SUCCESS
    assert (await desk(kept=Limits(0, 10)).execute(STOCK)).status is Status.SUCCESS


async def test_the_least_used_results_make_room() -> None:
    shop = desk(kept=Limits(3000, 1000))
    shop.provider.answers = [ONE]
    tent, lamp, stove = (
        replace(STOCK, arguments_json=f'{{"item":"{item}"}}') for item in ("tent", "lamp", "stove")
    )
    for order in (tent, lamp, tent, stove):
        await shop.execute(order)
    statuses = [(await shop.execute(order)).status for order in (tent, stove, lamp)]
    assert statuses == [Status.CACHED, Status.CACHED, Status.SUCCESS]


async def held_back(reason: str, **more: object) -> Desk:
    """A shop that knows the tent's stock, and whose provider's host cannot be asked any more."""
    one = berths.Limits(per_host=1, wait_s=0)
    rules = Rules(failures=1, share=0.1, open_s=600)
    shop = desk(admission=limits.admission(limits=one, rules=rules), **more)
    await shop.execute(STOCK)
    permit = await shop.admission.admit("acme", shop.provider.host)
    if reason == "CIRCUIT_OPEN":
        permit.answered(LOST)
        permit.give_back()
    return shop


WHY = pytest.mark.parametrize("reason", ["CIRCUIT_OPEN", "TOOLBOX_BUSY"])


@WHY
async def test_a_fresh_result_needs_no_host_that_can_be_asked_and_a_stale_one_does(reason: str) -> None:
    shop = await held_back(reason)
    again = await shop.execute(STOCK)
    assert (again.status, again.result_json) == (Status.CACHED, "1")
    pass_time(shop, 60.001)
    stale = await shop.execute(STOCK)
    assert (stale.status, stale.error_reason) == (Status.REFUSED, reason)
    assert len(shop.provider.keys) == 1


@WHY
async def test_a_session_with_writes_is_held_back_although_a_result_is_kept(reason: str) -> None:
    shop = await held_back(reason)
    for standing in (Writes(BEGINNING, BEGINNING), Writes(BEGINNING, open=True)):
        shop.writes.standing = standing
        assert (await shop.execute(STOCK)).error_reason == reason


async def test_what_needs_a_yes_needs_it_although_it_is_kept() -> None:
    shop = await held_back("CIRCUIT_OPEN")
    shop.catalogue.change("stock", requires_confirmation=True)
    assert (await shop.execute(STOCK)).error_reason == "CONFIRMATION_REQUIRED"
    await shop.reply(True)
    assert (await shop.execute(STOCK)).status is Status.CACHED


async def test_a_result_that_is_used_again_counts_as_a_call_of_its_turn() -> None:
    shop = await held_back("CIRCUIT_OPEN", turn_calls=TurnCalls(1, 100, 60))
    later = replace(STOCK, attempt=replace(ATTEMPT, turn_id="trn_2"))
    assert (await shop.execute(later)).status is Status.CACHED
    other = await shop.execute(replace(later, tool_name="look_up"))
    assert other.error_reason == "TOO_MANY_TOOL_CALLS"


async def test_who_waited_for_a_place_uses_what_was_read_meanwhile() -> None:
    shop = desk(admission=limits.admission(limits=berths.Limits(per_host=1, wait_s=5)))
    statuses = [each.status for each in await asyncio.gather(shop.execute(STOCK), shop.execute(STOCK))]
    assert sorted(statuses) == [Status.CACHED, Status.SUCCESS]
    assert len(shop.provider.keys) == 1
