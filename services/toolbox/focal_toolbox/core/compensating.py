"""Undoes effects of a turn group that has ended: latest first, each once, each by a row of its own.

It stops at the first effect that is not undone although it could be: what was done before rests under it. A
repeated demand finds what is undone already and goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from focal_kernel.errors import NotFound
from focal_toolbox import errors
from focal_toolbox.core import fencing
from focal_toolbox.core.delivering import Plan
from focal_toolbox.core.effecting import Effects
from focal_toolbox.core.executing import Timeouts
from focal_toolbox.core.policing import Policing
from focal_toolbox.core.preparing import Job, Preparation
from focal_toolbox.domain import compensation, result
from focal_toolbox.domain.compensation import UNDONE, Demand, Undoing, Undone
from focal_toolbox.domain.effect import Effect
from focal_toolbox.domain.order import Attempt
from focal_toolbox.domain.result import Result
from focal_toolbox.ports.ledger import EffectLedger

NOT_COMPENSATABLE = "NOT_COMPENSATABLE"


class Compensation:
    """`limit_s`: seconds that one compensation may take, its repetitions included."""

    def __init__(
        self,
        ledger: EffectLedger,
        preparation: Preparation,
        policing: Policing,
        effects: Effects,
        timeouts: Timeouts,
        limit_s: float,
    ) -> None:
        self._ledger = ledger
        self._preparation = preparation
        self._policing = policing
        self._effects = effects
        self._timeouts = timeouts
        self._limit_s = limit_s

    async def compensate(self, demand: Demand) -> Undone:
        """Undo what the demand names. Raises NotFound EFFECT_NOT_FOUND, or Unavailable without the ledger.

        The fence goes up first: no call of the group's attempts can add to the group behind our look.
        """
        attempt = demand.attempt
        fence = await fencing.raise_fence(
            self._ledger, attempt.tenant_id, attempt.session_id, attempt.epoch + 1, attempt.turn_group_id
        )
        wanted = _wanted(fence.effects, demand.effect_ids)
        undoings: list[Undoing] = []
        for effect in compensation.to_undo(wanted):
            found = await self._undo(effect, replace(attempt, epoch=fence.epoch))
            undoings.append(Undoing(effect.effect_id, found))
            if found.status not in UNDONE and found.error_reason != NOT_COMPENSATABLE:
                break
        return Undone(await self._as_they_stand(wanted, attempt), undoings)

    async def _undo(self, effect: Effect, attempt: Attempt) -> Result:
        try:
            if refusal := compensation.refusal(effect):
                raise refusal
            job = await self._policing.check(await self._preparation.compensation(effect, attempt))
        except errors.Refusal as refusal:
            return result.refused(effect.tool_name, refusal)
        if isinstance(job, Result):
            return job
        async with aclosing(self._effects.carry_out(job, self._plan(job))) as events:
            async for event in events:
                last = event
        if not isinstance(last, Result):
            raise AssertionError("a call ends with its result")
        return last

    def _plan(self, job: Job) -> Plan:
        return Plan(
            idempotency_key=job.effect_key,
            repeatable=job.tool.policy.repeatable,
            request_s=self._timeouts.of(job.tool),
            retry_within_s=self._limit_s,
            within_s=self._limit_s,
        )

    async def _as_they_stand(self, wanted: Sequence[Effect], attempt: Attempt) -> Sequence[Effect]:
        ids = {effect.effect_id for effect in wanted}
        group = await self._ledger.of_group(attempt.tenant_id, attempt.session_id, attempt.turn_group_id)
        return [effect for effect in group if effect.effect_id in ids]


def _wanted(group: Sequence[Effect], effect_ids: frozenset[str]) -> Sequence[Effect]:
    unknown = effect_ids - {effect.effect_id for effect in group}
    if unknown:
        raise NotFound("EFFECT_NOT_FOUND", f"the turn group has no effect {min(unknown)}")
    return [effect for effect in group if not effect_ids or effect.effect_id in effect_ids]
