"""The results of asynchronous tools and their follow-up turns, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.report import FollowUp, Report, Share
from tests.fakes.toolbox.ledger import OPEN, MemoryLedger


class MemoryReports:
    """The Reports and FollowUps of the process that a MemoryLedger stands for; time does not pass here, so
    every follow-up turn is due at once and `lapse` ends the time to report.
    """

    def __init__(self, ledger: MemoryLedger) -> None:
        self.rows = ledger.rows
        self.waits: list[float] = []
        self.lapsed = False
        self.pauses: list[float] = []
        self._ledger = ledger

    async def accept(self, effect: Effect, more_requests: int, awaited_s: float) -> Effect:
        found = self.rows.effects[effect.tenant_id, effect.effect_key]
        if found.reservation_id != effect.reservation_id or found.state not in OPEN:
            return found
        accepted = replace(found, state=State.ACCEPTED, attempts=found.attempts + more_requests)
        self.rows.effects[effect.tenant_id, effect.effect_key] = accepted
        return accepted

    async def wait(self, effect: Effect, awaited_s: float) -> None:
        self.waits.append(awaited_s)

    async def take(self, effect: Effect) -> tuple[Share, Effect]:
        found = self.rows.effects[effect.tenant_id, effect.effect_key]
        due = self.rows.follow_ups.get(effect.effect_id)
        if due is not None and not due.attempts:
            del self.rows.follow_ups[effect.effect_id]
            return Share.TAKEN, found
        key = (effect.tenant_id, effect.effect_key)
        told = any(self.rows.tokens[token] == key for token in self.rows.reports)
        return (Share.LEFT if told else Share.NONE), found

    async def report(self, token_hash: str, report: Report) -> Effect | None:
        key = self.rows.tokens.get(token_hash)
        if key is None:
            return None
        effect = self.rows.effects[key]
        if earlier := self.rows.reports.get(token_hash):
            return effect if earlier == report else None
        if self.lapsed or effect.state not in OPEN:
            return None
        verdict = Verdict.DONE if report.state is State.DONE else Verdict.UNCHANGED
        answer = Answer(verdict, report.result_json, report.error_reason)
        effect = await self._ledger.conclude(effect, report.state, answer, 0)
        self.rows.reports[token_hash] = report
        if not effect.compensates:
            self.rows.follow_ups[effect.effect_id] = FollowUp(effect, 0)
        return effect

    async def doubt_unreported(self) -> int:
        late = [one for one in self.rows.effects.values() if one.state is State.ACCEPTED and self.lapsed]
        for one in late:
            doubtful = replace(one, state=State.IN_DOUBT, error_reason="not_reported")
            self.rows.effects[one.tenant_id, one.effect_key] = doubtful
        return len(late)

    async def claim(self, limit: int, claim_s: float) -> Sequence[FollowUp]:
        found = [replace(one, attempts=one.attempts + 1) for one in self.rows.follow_ups.values()][:limit]
        self.rows.follow_ups.update({one.effect.effect_id: one for one in found})
        return found

    async def done(self, effect_id: str) -> None:
        del self.rows.follow_ups[effect_id]

    async def again(self, effect_id: str, after_s: float) -> None:
        self.pauses.append(after_s)

    async def waiting(self) -> int:
        return len(self.rows.follow_ups)
