import asyncio
from dataclasses import replace

import pytest

from focal_kernel import errors as kernel_errors
from focal_kernel.clock import ManualClock
from focal_service_kit import deadlines
from focal_toolbox import errors
from focal_toolbox.domain.effect import Effect, Reservation, State, Wish
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Result, Started, Status
from tests.fakes.toolbox.ledger import MemoryLedger
from tests.fakes.toolbox.provider import DONE, LOST, REFUSED, ScriptedProvider
from tests.fakes.toolbox_desk import Desk


async def test_an_effect_is_announced_then_ended() -> None:
    desk = Desk()
    started, result = await desk.events()
    assert isinstance(started, Started)
    assert isinstance(result, Result)
    assert result.effect is not None
    assert started.effect_id == result.effect.effect_id
    assert result.status is Status.SUCCESS
    assert result.commit_point_reached
    assert desk.provider.keys == [result.effect.effect_key]
    assert desk.meter.executions == [(Policy.IRREVERSIBLE, Status.SUCCESS)]
    assert desk.meter.effects == [State.DONE]


async def test_a_fenced_attempt_is_an_error() -> None:
    desk = Desk()
    await desk.ledger.fence("acme", "ses_1", 9)
    with pytest.raises(errors.Fenced) as caught:
        await desk.execute()
    assert caught.value.metadata == {"epoch": "1", "fence": "9"}


async def test_a_process_that_counts_as_lost_sends_nothing() -> None:
    desk = Desk()
    desk.ledger.rows.alive.clear()
    with pytest.raises(errors.LedgerAway):
        await desk.execute()
    assert desk.provider.keys == []


@pytest.mark.parametrize(("answer", "status"), [(LOST, Status.IN_DOUBT), (DONE, Status.CACHED)])
async def test_an_equal_call_gets_the_earlier_end(answer: object, status: Status) -> None:
    desk = Desk(ScriptedProvider([answer]))  # type: ignore[list-item]
    await desk.execute()
    assert (await desk.execute()).status is status
    assert len(desk.provider.keys) == 1


async def test_an_equal_call_waits_for_the_running_one_and_shares_its_refusal() -> None:
    desk = Desk(ScriptedProvider([REFUSED, DONE], hold=asyncio.Event()))
    calls = [asyncio.create_task(desk.execute()) for _ in range(8)]
    await desk.provider.sent.wait()
    await asyncio.sleep(0.01)
    assert desk.provider.hold is not None
    desk.provider.hold.set()
    results = await asyncio.gather(*calls)
    assert [(one.status, one.error_reason) for one in results] == 8 * [(Status.ERROR, "order_not_found")]
    assert len(desk.provider.keys) == 1


async def test_waiting_ends_with_the_callers_deadline() -> None:
    desk = Desk(ScriptedProvider(hold=asyncio.Event()))
    first = asyncio.create_task(desk.execute())
    await desk.provider.sent.wait()
    with deadlines.within(0.02):
        second = await desk.execute()
    assert second.error_reason == "EFFECT_IN_PROGRESS"
    first.cancel()
    await desk.runs.drain(0)


async def test_an_effect_outlives_its_caller() -> None:
    """Break: await the run in `carry_out` instead of starting it in `Runs`."""
    desk = Desk(ScriptedProvider(hold=asyncio.Event()))
    call = asyncio.create_task(desk.execute())
    await desk.provider.sent.wait()
    call.cancel()
    await asyncio.wait([call])
    assert desk.provider.hold is not None
    desk.provider.hold.set()
    await desk.runs.drain(5)
    assert desk.state() is State.DONE


async def test_an_effect_cut_off_by_the_drain_is_in_doubt() -> None:
    desk = Desk(ScriptedProvider(hold=asyncio.Event()))
    call = asyncio.create_task(desk.execute())
    await desk.provider.sent.wait()
    await desk.runs.drain(0.01)
    await asyncio.wait([call])
    assert desk.state() is State.IN_DOUBT


async def test_an_end_is_recorded_as_soon_as_the_ledger_is_back() -> None:
    desk = Desk(ScriptedProvider(hold=asyncio.Event()))
    call = asyncio.create_task(desk.execute())
    await desk.provider.sent.wait()
    desk.ledger.failing = 3
    assert desk.provider.hold is not None
    desk.provider.hold.set()
    assert (await call).status is Status.SUCCESS
    assert desk.state() is State.DONE


async def test_a_reservation_whose_reply_was_lost_is_given_back() -> None:
    """Break: leave the release out of `Effects._reserve`; the row stays PREPARED while we live."""
    desk = Desk()
    desk.ledger.lost_replies = 1
    with pytest.raises(kernel_errors.Unavailable):
        await desk.execute()
    await desk.runs.drain(5)
    assert desk.state() is State.FAILED
    assert desk.provider.keys == []
    assert (await desk.execute()).status is Status.SUCCESS


class FrozenAfterReserving(MemoryLedger):
    """Time passes between the reservation and its reply, as in a process that was stopped there."""

    def __init__(self, clock: ManualClock, frozen_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._frozen_s = frozen_s

    async def reserve(self, wish: Wish) -> Reservation:
        reservation = await super().reserve(wish)
        self._clock.advance(self._frozen_s)
        return reservation


@pytest.mark.parametrize(("frozen_s", "sent"), [(1.0, 1), (2.0, 0)])
async def test_a_process_frozen_after_reserving_does_not_send(frozen_s: float, sent: int) -> None:
    """Its effect may have been resolved meanwhile. Break: drop `late` in `Effects._once`."""
    clock = ManualClock()
    desk = Desk(ledger=FrozenAfterReserving(clock, frozen_s), clock=clock)
    result = await desk.execute()
    assert len(desk.provider.keys) == sent
    assert result.status is (Status.SUCCESS if sent else Status.ERROR)
    if not sent:
        assert (result.error_reason, result.attempts) == ("not_sent", 0)
        assert desk.state() is State.FAILED


async def test_an_end_that_others_stated_meanwhile_is_the_result() -> None:
    desk = Desk(ScriptedProvider([LOST], hold=asyncio.Event()))
    call = asyncio.create_task(desk.execute())
    await desk.provider.sent.wait()
    ((key, effect),) = desk.ledger.rows.effects.items()
    desk.ledger.rows.effects[key] = _resolved(effect)
    assert desk.provider.hold is not None
    desk.provider.hold.set()
    assert (await call).status is Status.SUCCESS


def _resolved(effect: Effect) -> Effect:
    return replace(effect, state=State.DONE, result_json='{"by":"hand"}')
