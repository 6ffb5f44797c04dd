"""Carries a ledgered call out once: reserve, send, record, in a run that its caller cannot cut off.

reserve ──► RESERVED ──► send ──► record DONE | FAILED | IN_DOUBT
   │
   │                          └─ an asynchronous tool: ACCEPTED, and wait a while for its report
   ├─► UNCONFIRMED        somebody has to say yes first, nothing is sent
   ├─► EXISTS · RUNNING   the earlier call's end is this call's result
   └─► FENCED · BLOCKED   nothing is sent
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from focal_kernel.clock import Clock
from focal_service_kit import deadlines, logging
from focal_toolbox import errors
from focal_toolbox.core import turn_calls
from focal_toolbox.core.admission import Permit
from focal_toolbox.core.awaiting import Awaiting
from focal_toolbox.core.bookkeeping import Books
from focal_toolbox.core.delivering import Courier, Plan
from focal_toolbox.core.following import follow
from focal_toolbox.core.preparing import Job
from focal_toolbox.core.runs import Runs
from focal_toolbox.domain import result
from focal_toolbox.domain.answer import Answer, Delivery, Verdict
from focal_toolbox.domain.effect import Effect, Outcome, Reservation, State
from focal_toolbox.domain.result import Event, Result, Started
from focal_toolbox.ports.meter import Meter
from focal_toolbox.ports.providers import Notify

NOT_SENT = Answer(
    Verdict.UNCHANGED,
    reason="not_sent",
    message="the toolbox was held up between reserving and sending, so it did not send",
)

_STATES = {
    Verdict.DONE: State.DONE,
    Verdict.UNCHANGED: State.FAILED,
    Verdict.UNKNOWN: State.IN_DOUBT,
}

_log = logging.get("effects")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: the age at which a reservation is too old to send on it, the longest wait for another
    call's end, and the pause between looks at it."""

    send_within_s: float = 1.5
    wait_s: float = 60.0
    poll_s: float = 0.05


class Effects:
    """The part of execution that changes the world."""

    def __init__(
        self,
        books: Books,
        courier: Courier,
        runs: Runs,
        meter: Meter,
        clock: Clock,
        timing: Timing,
        awaiting: Awaiting,
    ) -> None:
        self._books = books
        self._courier = courier
        self._runs = runs
        self._meter = meter
        self._clock = clock
        self._timing = timing
        self._awaiting = awaiting

    async def failure_before(self, job: Job) -> Result | None:
        """The result of an equal earlier call that failed, else None; raises Unavailable."""
        tenant_id = job.order.attempt.tenant_id
        effect = await self._books.of_key(tenant_id, job.effect_key) if job.effect_key else None
        if effect is None or effect.state is not State.FAILED:
            return None
        found = result.of_earlier(effect)
        return await self._awaiting.settle(job, found) if job.promise else found

    async def carry_out(self, job: Job, plan: Plan) -> AsyncGenerator[Event, None]:
        """Events of the call; raises Fenced, or Unavailable when the ledger is away."""
        events: asyncio.Queue[Event] = asyncio.Queue()
        name = f"{job.tool.name} {job.effect_key}"
        try:
            permit = await self._courier.admit(job.order.attempt.tenant_id, job.dispatch)
        except errors.Refusal as refusal:
            yield await self._without(job, refusal)
            return
        task = self._runs.start(name, self._once(job, plan, permit, events.put_nowait))
        task.add_done_callback(lambda _: permit.give_back())
        async for event in follow(task, events):
            yield event
        yield await self._settled(job, task.result())

    async def _without(self, job: Job, refusal: errors.Refusal) -> Result:
        """The result of a call that is held back: what happened before is told all the same, or a repetition
        would deny it.
        """
        earlier = await self._books.of_key(job.order.attempt.tenant_id, job.effect_key)
        if earlier is None or earlier.state is State.FAILED:
            return result.refused(job.tool.name, refusal)
        return await self._settled(job, earlier)

    async def _settled(self, job: Job, outcome: Result | Effect) -> Result:
        found = await self._end_of(outcome) if isinstance(outcome, Effect) else outcome
        return await self._awaiting.settle(job, found) if job.promise else found

    async def _once(
        self, job: Job, plan: Plan, permit: Permit, emit: Callable[[Event], None]
    ) -> Result | Effect:
        """The run: a result, or the effect that another call is carrying out right now."""
        asked_at = self._clock.monotonic()
        reservation = await self._books.reserve(job.wish())
        if reservation.missing is not None:
            return result.unconfirmed(job.tool.name, reservation.missing)
        effect = reservation.effect
        if reservation.outcome is Outcome.TOO_MANY_CALLS:
            return result.refused(job.tool.name, turn_calls.too_many())
        if reservation.outcome is not Outcome.RESERVED or effect is None:
            return _not_reserved(job, reservation)
        emit(Started(effect.tool_name, effect.effect_id))
        self._runs.begin(effect.effect_id)
        try:
            # A process that was frozen here may have been given up: its reservation can be in doubt,
            # even resolved. It must not send on it.
            late = self._clock.monotonic() - asked_at > self._timing.send_within_s
            delivery = (
                Delivery(NOT_SENT, 0, 0.0) if late else await self._deliver(job, effect, plan, emit, permit)
            )
            ended = await self._record(effect, delivery, accepted=_accepted(job, delivery))
        finally:
            self._runs.end(effect.effect_id)
        return result.of_effect(ended, delivery)

    async def _deliver(
        self, job: Job, effect: Effect, plan: Plan, notify: Notify, permit: Permit
    ) -> Delivery:
        try:
            return await self._courier.deliver(job.dispatch, plan, notify, permit)
        except asyncio.CancelledError:
            await self._books.interrupted(effect)
            raise

    async def _record(self, effect: Effect, delivery: Delivery, *, accepted: bool) -> Effect:
        if accepted:
            return await self._books.insist(lambda: self._awaiting.accept(effect, delivery.requests - 1))
        state = _STATES[delivery.answer.verdict]
        ended = await self._books.conclude(effect, state, delivery.answer, delivery.requests - 1)
        if ended.reservation_id != effect.reservation_id or ended.state is not state:
            _log.warning(
                "effect had ended otherwise", effect=effect.effect_id, wanted=state, found=ended.state
            )
        self._meter.side_effect(effect.tenant_id, effect.policy, ended.state)
        return ended

    async def _end_of(self, effect: Effect) -> Result:
        """The result of a call that another one is carrying out, once it has ended."""
        until = self._clock.monotonic() + (deadlines.cap(self._timing.wait_s) or 0.0)
        while effect.state is State.PREPARED and (left := until - self._clock.monotonic()) > 0:
            await self._runs.ended(effect.effect_id, self._timing.poll_s, left)
            effect = await self._books.look(effect)
        if effect.state is State.PREPARED:
            return _in_progress(effect.tool_name, effect)
        return result.of_earlier(effect)


def _accepted(job: Job, delivery: Delivery) -> bool:
    """Whether the provider's word is only that it has taken the request on."""
    return job.promise is not None and delivery.answer.verdict is Verdict.DONE


def _not_reserved(job: Job, reservation: Reservation) -> Result | Effect:
    effect = reservation.effect
    if reservation.outcome is Outcome.FENCED:
        raise errors.Fenced(job.order.attempt.epoch, reservation.fence)
    if effect is None:
        raise errors.LedgerAway("the effect ledger does not hold this process for alive")
    match reservation.outcome:
        case Outcome.RUNNING:
            return effect
        case Outcome.BLOCKED_IN_DOUBT:
            return _in_doubt(job.tool.name, effect)
        case Outcome.BLOCKED_RUNNING:
            return _in_progress(job.tool.name, effect)
        case Outcome.OVERTAKEN:
            return _overtaken(job.tool.name, effect)
        case Outcome.NOT_DONE:
            return _not_done(job.tool.name, effect)
    return result.of_earlier(effect)


def _in_doubt(tool_name: str, blocking: Effect) -> Result:
    text = f"effect {blocking.effect_id} on the same business key is in doubt; it must be resolved first"
    return result.blocked(tool_name, errors.Refusal("EFFECT_IN_DOUBT", text), blocking)


def _in_progress(tool_name: str, blocking: Effect) -> Result:
    text = f"effect {blocking.effect_id} on the same business key is still being carried out"
    return result.blocked(tool_name, errors.Refusal("EFFECT_IN_PROGRESS", text), blocking)


def _overtaken(tool_name: str, later: Effect) -> Result:
    text = f"effect {later.effect_id} on the same business key came later and might be undone instead"
    return result.blocked(tool_name, errors.Refusal("COMPENSATION_OVERTAKEN", text), later)


def _not_done(tool_name: str, undone: Effect) -> Result:
    """The effect to undo changed behind the look at it, or is not known to have happened."""
    if undone.state is State.IN_DOUBT:
        return _in_doubt(tool_name, undone)
    return _in_progress(tool_name, undone)
