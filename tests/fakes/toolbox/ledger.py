"""The ledger of effects in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from focal_toolbox import errors
from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.confirmation import Claim, Confirmation
from focal_toolbox.domain.effect import Effect, Outcome, Query, Reservation, State, Wish
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.report import FollowUp, Report
from tests.fakes.toolbox.confirmations import MemoryConfirmations

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
OPEN = {State.PREPARED, State.ACCEPTED, State.IN_DOUBT}
_GONE = {State.FAILED, State.COMPENSATED}


@dataclass
class LedgerRows:
    """What several MemoryLedgers share: rows by (tenant, effect key), owners, fences, living processes."""

    effects: dict[tuple[str, str], Effect] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    fences: dict[tuple[str, str], int] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)
    confirmations: MemoryConfirmations = field(default_factory=MemoryConfirmations)
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Token hashes to tenant and effect key."""
    reports: dict[str, Report] = field(default_factory=dict)
    follow_ups: dict[str, FollowUp] = field(default_factory=dict)
    """By effect id; `attempts` of those that nobody claimed is 0."""


class MemoryLedger:
    """The EffectLedger of one process. `failing` raises LedgerAway that many times, before the write;
    `lost_replies` that many times after it."""

    def __init__(self, rows: LedgerRows | None = None, instance_id: str = "tbx_1") -> None:
        self.rows = rows or LedgerRows()
        self.instance_id = instance_id
        self.rows.alive.add(instance_id)
        self.failing = 0
        self.lost_replies = 0

    async def reserve(self, wish: Wish) -> Reservation:
        self.reach()
        before = dict(self.rows.effects)
        reservation = self._undo(wish) if wish.compensates else self._reserve(wish)
        if reservation.outcome is Outcome.RESERVED and (missing := await self._missing(wish)):
            self.rows.effects = before
            return Reservation(Outcome.UNCONFIRMED, reservation.fence, missing=missing)
        if wish.token_hash and reservation.outcome is Outcome.RESERVED:
            self.rows.tokens[wish.token_hash] = (wish.tenant_id, wish.effect_key)
        if self.lost_replies:
            self.lost_replies -= 1
            raise errors.LedgerAway
        return reservation

    async def release(self, wish: Wish) -> None:
        self.reach()
        found = self.rows.effects.get((wish.tenant_id, wish.effect_key))
        if found and found.reservation_id == wish.reservation_id and found.state in OPEN:
            self.put(replace(found, state=State.FAILED, error_reason="not_sent"))
            self._follow(found, State.FAILED)

    async def conclude(self, effect: Effect, state: State, answer: Answer, more_requests: int) -> Effect:
        self.reach()
        found = self.rows.effects[effect.tenant_id, effect.effect_key]
        if found.reservation_id != effect.reservation_id or found.state not in OPEN:
            return found
        self._follow(found, state)
        return self.put(
            replace(
                found,
                state=state,
                result_json=answer.result_json,
                error_reason=answer.reason,
                attempts=found.attempts + more_requests,
            )
        )

    async def find(self, tenant_id: str, effect_id: str) -> Effect | None:
        self.reach()
        return next((one for one in self._of(tenant_id) if one.effect_id == effect_id), None)

    async def of_key(self, tenant_id: str, effect_key: str) -> Effect | None:
        self.reach()
        return self.rows.effects.get((tenant_id, effect_key))

    async def fence(self, tenant_id: str, session_id: str, epoch: int) -> int:
        self.reach()
        self._doubt(lambda one: (one.tenant_id, one.session_id) == (tenant_id, session_id))
        return self._raise_fence(tenant_id, session_id, epoch)

    async def of_group(self, tenant_id: str, session_id: str, turn_group_id: str) -> Sequence[Effect]:
        self.reach()
        wanted = (session_id, turn_group_id)
        group = [one for one in self._of(tenant_id) if (one.session_id, one.turn_group_id) == wanted]
        return [one for one in group if not one.compensates]

    async def page(self, query: Query) -> Sequence[Effect]:
        self.reach()
        found = [
            one
            for one in self._of(query.tenant_id)
            if (not query.session_id or one.session_id == query.session_id)
            and (query.state is None or one.state is query.state)
            and (query.before is None or one.position < query.before)
        ]
        return found[::-1][: query.limit]

    async def doubt_orphans(self) -> int:
        self.reach()
        return self._doubt(lambda one: True)

    async def _missing(self, wish: Wish) -> Confirmation | None:
        claim = Claim(
            wish.tenant_id,
            wish.session_id,
            wish.turn_group_id,
            wish.tool_name,
            wish.arguments_json,
            wish.effect_key,
        )
        return await self.rows.confirmations.use(claim, wish.questions)

    def _undo(self, wish: Wish) -> Reservation:
        fence = self._raise_fence(wish.tenant_id, wish.session_id, wish.epoch)
        undone = next(one for one in self._of(wish.tenant_id) if one.effect_id == wish.compensates)
        if undone.state in {State.PREPARED, State.ACCEPTED, State.IN_DOUBT, State.FAILED}:
            return Reservation(Outcome.NOT_DONE, fence, undone)
        for other in self._of(wish.tenant_id):
            again = (other.tool_name, other.business_key) == (undone.tool_name, undone.business_key)
            later = other.position > undone.position and other.state not in _GONE
            if undone.state is State.DONE and again and later:
                return Reservation(Outcome.OVERTAKEN, fence, other)
        reservation = self._reserve(replace(wish, epoch=fence))
        if reservation.outcome is Outcome.RESERVED:
            self.put(replace(undone, state=State.COMPENSATING))
        return reservation

    def _follow(self, ended: Effect, state: State) -> None:
        """What a compensation undoes changes with its end."""
        after = {State.DONE: State.COMPENSATED, State.FAILED: State.DONE}.get(state)
        for one in self._of(ended.tenant_id):
            if after and one.effect_id == ended.compensates and one.state is State.COMPENSATING:
                self.put(replace(one, state=after))

    def _reserve(self, wish: Wish) -> Reservation:
        if self.instance_id not in self.rows.alive:
            return Reservation(Outcome.OWNER_LOST, 0)
        fence = self._raise_fence(wish.tenant_id, wish.session_id, wish.epoch)
        if fence > wish.epoch:
            return Reservation(Outcome.FENCED, fence)
        self._doubt(lambda one: _same_operation(one, wish))
        own = self.rows.effects.get((wish.tenant_id, wish.effect_key))
        if own and (not own.ended or own.state in {State.DONE, State.COMPENSATED} or _blocks(own)):
            running = not own.ended
            return Reservation(Outcome.RUNNING if running else Outcome.EXISTS, fence, own)
        if other := self._blocking(wish):
            doubtful = other.state is State.IN_DOUBT
            return Reservation(
                Outcome.BLOCKED_IN_DOUBT if doubtful else Outcome.BLOCKED_RUNNING, fence, other
            )
        if self._turn_is_full(wish, own):
            return Reservation(Outcome.TOO_MANY_CALLS, fence)
        self.rows.owners[wish.reservation_id] = self.instance_id
        return Reservation(Outcome.RESERVED, fence, self.put(self._row(wish, own)))

    def _blocking(self, wish: Wish) -> Effect | None:
        others = (one for one in self._of(wish.tenant_id) if one.effect_key != wish.effect_key)
        return next((one for one in others if _same_operation(one, wish) and _blocks(one)), None)

    def _turn_is_full(self, wish: Wish, own: Effect | None) -> bool:
        wanted = (wish.session_id, wish.turn_id)
        turn = [one for one in self._of(wish.tenant_id) if (one.session_id, one.turn_id) == wanted]
        another = own is None or own.turn_id != wish.turn_id
        if wish.max_calls is None or not another:
            return False
        return len([one for one in turn if not one.compensates]) >= wish.max_calls

    def _row(self, wish: Wish, earlier: Effect | None) -> Effect:
        return Effect(
            effect_id=earlier.effect_id if earlier else wish.effect_id,
            position=earlier.position if earlier else len(self.rows.effects) + 1,
            tenant_id=wish.tenant_id,
            effect_key=wish.effect_key,
            business_key=wish.business_key,
            tool_name=wish.tool_name,
            policy=wish.policy,
            state=State.PREPARED,
            session_id=wish.session_id,
            turn_group_id=wish.turn_group_id,
            turn_id=wish.turn_id,
            epoch=wish.epoch,
            arguments_json=wish.arguments_json,
            result_json="",
            error_reason="",
            attempts=(earlier.attempts if earlier else 0) + 1,
            reservation_id=wish.reservation_id,
            prepared_at=BEGINNING,
            updated_at=BEGINNING,
            agent_id=wish.agent_id,
            config_version=wish.config_version,
            compensates=wish.compensates,
        )

    def _raise_fence(self, tenant_id: str, session_id: str, epoch: int) -> int:
        key = (tenant_id, session_id)
        self.rows.fences[key] = max(epoch, self.rows.fences.get(key, 0))
        return self.rows.fences[key]

    def _doubt(self, chosen: Callable[[Effect], bool]) -> int:
        lost = [
            one
            for one in self.rows.effects.values()
            if chosen(one)
            and one.state is State.PREPARED
            and self.rows.owners[one.reservation_id] not in self.rows.alive
        ]
        for one in lost:
            self.put(replace(one, state=State.IN_DOUBT, error_reason="toolbox_lost"))
        return len(lost)

    def _of(self, tenant_id: str) -> Iterator[Effect]:
        found = (one for one in self.rows.effects.values() if one.tenant_id == tenant_id)
        return iter(sorted(found, key=lambda one: one.position))

    def put(self, effect: Effect) -> Effect:
        self.rows.effects[effect.tenant_id, effect.effect_key] = effect
        return effect

    def reach(self) -> None:
        if self.failing:
            self.failing -= 1
            raise errors.LedgerAway


def _same_operation(effect: Effect, wish: Wish) -> bool:
    return (effect.tenant_id, effect.tool_name, effect.business_key) == (
        wish.tenant_id,
        wish.tool_name,
        wish.business_key,
    )


def _blocks(effect: Effect) -> bool:
    doubtful = effect.state is State.IN_DOUBT and effect.policy is not Policy.IDEMPOTENT
    return effect.state in {State.PREPARED, State.ACCEPTED, State.COMPENSATING} or doubtful
