"""Asks providers what became of effects in doubt: with growing pauses, or when somebody wants to know.

    in doubt ── ask ──► it happened ──► DONE, with the answer as its result
                  ├──► it did not   ──► FAILED, once no request can be on its way any more
                  └──► no answer    ──► in doubt; asked again later

A question that its host's limits hold back was put to nobody: it costs none of the tries.

Every toolbox asks; one at a time about one effect. The question is that of the definition that the effect
was caused under.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from focal_kernel.errors import FocalError, NotFound, Unavailable
from focal_service_kit import logging
from focal_toolbox import errors
from focal_toolbox.core import rounds
from focal_toolbox.core.delivering import Courier, Plan
from focal_toolbox.core.executing import Timeouts
from focal_toolbox.core.preparing import Asking, Job, Preparation
from focal_toolbox.domain import doubt, result
from focal_toolbox.domain.doubt import Checked, Finding, Ruling
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.result import Progress, Result
from focal_toolbox.ports.doubts import Doubts
from focal_toolbox.ports.ledger import EffectLedger
from focal_toolbox.ports.meter import Meter

NOTHING_TOLD = "the answer does not tell"
TAKEN_ON = "the call has not taken effect so far, but its provider does it later; only a person can say never"
TOO_EARLY = "the call has not taken effect so far, but may still be on its way; ask again later"

_log = logging.get("checks")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: one question may take, a no is not believed, and between looks for questions."""

    within_s: float = 30.0
    after_s: float = 300.0
    poll_s: float = 1.0


class Checks:
    """The questions of this process."""

    def __init__(
        self,
        ledger: EffectLedger,
        doubts: Doubts,
        preparation: Preparation,
        courier: Courier,
        meter: Meter,
        timeouts: Timeouts,
        patience: Patience,
    ) -> None:
        self._ledger = ledger
        self._doubts = doubts
        self._preparation = preparation
        self._courier = courier
        self._meter = meter
        self._timeouts = timeouts
        self._patience = patience

    async def run(self) -> None:
        """Ask until cancelled; a ledger that is away is tried again."""
        await rounds.repeat("checks", self._patience.poll_s, self.once)

    async def once(self) -> int:
        """Ask about everything that is due; returns how much that was."""
        due = await self._doubts.due()
        async with asyncio.TaskGroup() as questions:
            for effect in due:
                questions.create_task(self._by_itself(effect), name=f"check {effect.effect_id}")
        return len(due)

    async def now(self, tenant_id: str, effect_id: str) -> Checked:
        """Ask about one effect. Raises EffectNotFound, NotResolvable, NotCheckable, CheckRunning, or NotFound
        and Unavailable when the definition cannot be had.
        """
        effect = await self._ledger.find(tenant_id, effect_id)
        if effect is None:
            raise errors.EffectNotFound(effect_id)
        if effect.state is not State.IN_DOUBT:
            raise errors.NotResolvable(effect_id, effect.state)
        try:
            question = await self._preparation.check(effect)
        except errors.Refusal as refusal:
            return Checked(effect, Finding.UNKNOWN, refusal.reason, refusal.message)
        if not await self._doubts.take(tenant_id, effect_id):
            raise errors.CheckRunning(effect_id)
        try:
            return await self._ask(effect, question)
        except errors.Refusal as refusal:
            await self._doubts.put_off(effect)
            return Checked(effect, Finding.UNKNOWN, refusal.reason, refusal.message)

    async def _by_itself(self, effect: Effect) -> None:
        """Whatever goes wrong, the effect's next time is set and its turn here ends by itself."""
        try:
            await self._ask(effect, await self._preparation.check(effect))
        except (errors.NotCheckable, NotFound):
            await self._for_nobody(effect)
        except errors.Refusal as refusal:
            await self._not_asked(effect, refusal)
        except FocalError as failure:
            _log.warning("check not made", effect=effect.effect_id, error=failure.message)

    async def _for_nobody(self, effect: Effect) -> None:
        with suppress(Unavailable):
            await self._doubts.put_off(effect, for_good=True)

    async def _not_asked(self, effect: Effect, refusal: errors.Refusal) -> None:
        if not refusal.passing:
            _log.warning("check not made", effect=effect.effect_id, error=refusal.message)
            return
        _log.info("check held back", effect=effect.effect_id, reason=refusal.reason)
        with suppress(Unavailable):
            await self._doubts.hold_back(effect, refusal.retry_after_s)

    async def _ask(self, effect: Effect, asking: Asking) -> Checked:
        """The effect is this process's to ask about; afterwards it is anybody's, unless the question is
        refused.
        """
        answer = await self._answer(asking.job)
        check, told = asking.check, doubt.finding(asking.check, answer)
        self._meter.checked(effect.tenant_id, told)
        statement = doubt.of_check(effect, check, told, answer, self._patience.after_s)
        if statement is None:
            await self._doubts.put_off(effect)
            return Checked(effect, told, answer.error_reason, answer.error_message or NOTHING_TOLD)
        if told is Finding.ABSENT and asking.asynchronous:
            await self._doubts.put_off(effect)
            return Checked(effect, told, message=TAKEN_ON)
        ruling, stands = await self._doubts.state(statement)
        if ruling is Ruling.TOO_EARLY:
            await self._doubts.put_off(effect)
            return Checked(effect, told, message=TOO_EARLY)
        _log.info(
            "effect checked", effect=effect.effect_id, tool=check.tool_name, finding=told, ruling=ruling
        )
        return Checked(stands or effect, told)

    async def _answer(self, job: Job) -> Result:
        """What the provider tells; Refusal when its host's limits hold the question back."""
        plan = Plan("", True, self._timeouts.of(job.tool), self._patience.within_s, self._patience.within_s)
        permit = await self._courier.admit(job.order.attempt.tenant_id, job.dispatch)
        try:
            delivery = await self._courier.deliver(job.dispatch, plan, _untold, permit)
        finally:
            permit.give_back()
        return result.of_read(job.tool.name, delivery)


def _untold(progress: Progress) -> None:
    """Nobody listens to a check."""
