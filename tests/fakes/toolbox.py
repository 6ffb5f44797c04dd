"""In-memory twins of the toolbox's ports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from focal_kernel import errors as kernel_errors
from focal_kernel import ids
from focal_toolbox import errors
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.confirmation import Claim, Confirmation
from focal_toolbox.domain.doubt import Finding, Ruling, Statement
from focal_toolbox.domain.effect import Effect, Outcome, Query, Reservation, Resolution, State, Wish
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.reads import Writes
from focal_toolbox.domain.report import FollowUp, Report, Share
from focal_toolbox.domain.result import Status
from focal_toolbox.domain.tool import Tool
from focal_toolbox.ports.providers import Availability, Handover
from tests.fakes.toolbox_confirmations import MemoryConfirmations

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)


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
        if found and found.reservation_id == wish.reservation_id and found.state in _OPEN:
            self.put(replace(found, state=State.FAILED, error_reason="not_sent"))
            self._follow(found, State.FAILED)

    async def conclude(self, effect: Effect, state: State, answer: Answer, more_requests: int) -> Effect:
        self.reach()
        found = self.rows.effects[effect.tenant_id, effect.effect_key]
        if found.reservation_id != effect.reservation_id or found.state not in _OPEN:
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


_OPEN = {State.PREPARED, State.ACCEPTED, State.IN_DOUBT}
_GONE = {State.FAILED, State.COMPENSATED}


def _same_operation(effect: Effect, wish: Wish) -> bool:
    return (effect.tenant_id, effect.tool_name, effect.business_key) == (
        wish.tenant_id,
        wish.tool_name,
        wish.business_key,
    )


def _blocks(effect: Effect) -> bool:
    doubtful = effect.state is State.IN_DOUBT and effect.policy is not Policy.IDEMPOTENT
    return effect.state in {State.PREPARED, State.ACCEPTED, State.COMPENSATING} or doubtful


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
        if found.reservation_id != effect.reservation_id or found.state not in _OPEN:
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
        if self.lapsed or effect.state not in _OPEN:
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


@dataclass
class CountingReportMeter:
    """A ReportMeter that remembers."""

    reports: list[State | None] = field(default_factory=list)
    missing: int = 0
    buried: list[str] = field(default_factory=list)
    backlog: int = 0
    dropped: int = 0

    def reported(self, state: State | None) -> None:
        self.reports.append(state)

    def dead_letter(self, reason: str) -> None:
        self.buried.append(reason)

    def unreported(self, effects: int) -> None:
        self.missing += effects

    def follow_ups(self, waiting: int) -> None:
        self.backlog = waiting

    def follow_up_dropped(self) -> None:
        self.dropped += 1


def wish(number: int = 1, **changes: Any) -> Wish:
    """A wish to refund order `number` in turn group `grp_1`, new in its ids at every call."""
    made = Wish(
        effect_id=ids.new_id("eff"),
        reservation_id=ids.new_id("rsv"),
        tenant_id="acme",
        effect_key=f"key_{number}",
        business_key=f"order_{number}",
        tool_name="refund",
        policy=Policy.IRREVERSIBLE,
        session_id="ses_1",
        turn_group_id="grp_1",
        turn_id="trn_1",
        epoch=1,
        arguments_json="{}",
        agent_id="returns_desk",
        config_version=1,
    )
    return replace(made, **changes)


class FixedCatalogue:
    """A ToolCatalogue of one agent, `returns_desk`."""

    def __init__(self, *tools: Tool) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self.asked: list[tuple[str, str, int]] = []

    def change(self, name: str, **changes: Any) -> None:
        """Another definition of a tool from now on."""
        self._tools[name] = replace(self._tools[name], **changes)

    async def tools(self, tenant_id: str, agent_id: str, version: int) -> Mapping[str, Tool]:
        self.asked.append((tenant_id, agent_id, version))
        if agent_id != "returns_desk":
            raise kernel_errors.NotFound("AGENT_NOT_FOUND", "no such agent")
        return self._tools


DONE = Answer(Verdict.DONE, result_json='{"ok":true}')
REFUSED = Answer(Verdict.UNCHANGED, reason="order_not_found", message="no")
LOST = Answer(Verdict.UNKNOWN, reason="timeout", message="no answer", transient=True)


@dataclass
class FixedWrites:
    """A SessionWrites that says the same of every session; `away` raises LedgerAway."""

    standing: Writes = field(default_factory=lambda: Writes(BEGINNING))
    away: bool = False
    asked: int = 0

    async def of(self, tenant_id: str, session_id: str) -> Writes:
        self.asked += 1
        if self.away:
            raise errors.LedgerAway
        return self.standing


@dataclass
class ScriptedProvider:
    """A Provider and the Dispatch it prepares: gives `answers` one by one, the last one again and again.

    An exception among them is raised; `hold` keeps every answer back until it is set.
    """

    answers: list[Answer | Exception] = field(default_factory=lambda: [DONE])
    keys: list[str] = field(default_factory=list)
    arguments: list[Mapping[str, Any]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: errors.Refusal | None = None
    host: str = "shop"
    handovers: list[Handover] = field(default_factory=list)

    def availability(self) -> Availability:
        return Availability(available=True)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> ScriptedProvider:
        if self.refusal is not None:
            raise self.refusal
        self.arguments.append(arguments)
        return self

    def prepare_asynchronous(
        self, tenant_id: str, config_json: str, arguments: Mapping[str, Any], handover: Handover
    ) -> ScriptedProvider:
        self.handovers.append(handover)
        return self.prepare(tenant_id, config_json, arguments)

    async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
        self.keys.append(idempotency_key)
        self.sent.set()
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers[0]
        if len(self.answers) > 1:
            self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class CountingMeter:
    """A Meter that remembers."""

    executions: list[tuple[Policy | None, Status]] = field(default_factory=list)
    effects: list[State] = field(default_factory=list)
    orphans: int = 0
    findings: list[Finding] = field(default_factory=list)

    def executed(self, tenant_id: str, policy: Policy | None, status: Status, seconds: float) -> None:
        self.executions.append((policy, status))

    def side_effect(self, tenant_id: str, policy: Policy, state: State) -> None:
        self.effects.append(state)

    def orphaned(self, effects: int) -> None:
        self.orphans += effects

    def checked(self, tenant_id: str, finding: Finding) -> None:
        self.findings.append(finding)
