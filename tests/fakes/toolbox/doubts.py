"""The doubts about the effects of a ledger in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.doubt import Ruling, Statement
from focal_toolbox.domain.effect import Effect, Resolution, State
from tests.fakes.toolbox.ledger import BEGINNING, MemoryLedger


class MemoryDoubts:
    """The Doubts of a MemoryLedger, every one of which is due until it was asked about `tries` times.

    `frozen` owners keep a statement with `quiet_s` from counting; time does not pass, so only 0 has passed.
    """

    def __init__(self, ledger: MemoryLedger, tries: int = 3) -> None:
        self.ledger = ledger
        self.tries = tries
        self.asking: set[str] = set()
        self.given_up: set[str] = set()
        self.frozen: set[str] = set()
        self.held_back: list[float] = []
        self.statements: list[Statement] = []

    async def due(self) -> Sequence[Effect]:
        self.ledger.reach()
        found = [
            self.ledger.put(replace(one, checks=one.checks + 1))
            for one in list(self.ledger.rows.effects.values())
            if one.state is State.IN_DOUBT
            and one.checks < self.tries
            and one.effect_id not in self.asking | self.given_up
        ]
        self.asking |= {one.effect_id for one in found}
        return found

    async def take(self, tenant_id: str, effect_id: str) -> bool:
        found = await self.ledger.find(tenant_id, effect_id)
        free = found is not None and found.state is State.IN_DOUBT and effect_id not in self.asking
        if free:
            self.asking.add(effect_id)
        return free

    async def put_off(self, effect: Effect, *, for_good: bool = False) -> None:
        self.ledger.reach()
        self.asking.discard(effect.effect_id)
        if for_good:
            self.given_up.add(effect.effect_id)

    async def hold_back(self, effect: Effect, after_s: float) -> None:
        self.ledger.reach()
        self.asking.discard(effect.effect_id)
        self.held_back.append(after_s)
        found = self.ledger.rows.effects[effect.tenant_id, effect.effect_key]
        self.ledger.put(replace(found, checks=found.checks - 1))

    async def state(self, statement: Statement) -> tuple[Ruling, Effect | None]:
        found = await self.ledger.find(statement.tenant_id, statement.effect_id)
        if found is None:
            return Ruling.NOT_FOUND, None
        for said in self.statements:
            if statement.request_id is not None and said.request_id == statement.request_id:
                same = said.content_hash == statement.content_hash
                return Ruling.RESOLVED if same else Ruling.REUSED, found
        if found.state is not State.IN_DOUBT or statement.reservation_id not in {"", found.reservation_id}:
            return Ruling.NOT_IN_DOUBT, found
        owner = self.ledger.rows.owners[found.reservation_id]
        if statement.quiet_s is not None and (statement.quiet_s > 0 or owner in self.frozen):
            return Ruling.TOO_EARLY, found
        answer = Answer(Verdict.DONE, result_json=statement.result_json, reason=statement.error_reason)
        ended = await self.ledger.conclude(found, statement.state, answer, 0)
        self.statements.append(statement)
        return Ruling.RESOLVED, self.ledger.put(replace(ended, resolution=_resolution(statement)))

    async def said(self, tenant_id: str, effect_id: str, limit: int) -> Sequence[Resolution]:
        mine = [one for one in self.statements if (one.tenant_id, one.effect_id) == (tenant_id, effect_id)]
        return [_resolution(one) for one in mine[::-1][:limit]]


def _resolution(said: Statement) -> Resolution:
    return Resolution(said.state, said.resolved_by, said.check_tool, said.reason, BEGINNING)
