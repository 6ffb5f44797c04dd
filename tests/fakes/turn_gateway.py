"""In-memory twins of the gateway's ports and values to feed them; its stores are in `gateway_turns`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from focal_turn_gateway import errors
from focal_turn_gateway.core.admit import Admit
from focal_turn_gateway.core.admit_events import AdmitEvents
from focal_turn_gateway.core.event_budget import EventBudget, Limits
from focal_turn_gateway.domain import tiers
from focal_turn_gateway.domain.deliveries import DeliveryState
from focal_turn_gateway.domain.error_policy import Replies
from focal_turn_gateway.domain.messages import Address, Content, Message, Submission
from focal_turn_gateway.domain.rates import Allowance, Rates
from focal_turn_gateway.domain.tiers import Tier
from focal_turn_gateway.domain.turns import (
    Attempt,
    OpenTurn,
    ReplySegment,
    TurnResult,
)
from focal_turn_gateway.ports.delivery import ClaimedRow
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.live import LiveItem
from focal_turn_gateway.ports.pipeline import Fenced, PipelineFrame

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SESSION = "ses_1"


REPLIES = Replies("sorry", "not now", "a person will look")


def submission(text: str = "hello", request_id: str = "", user: str = "+4930") -> Submission:
    return Submission("acme", Address("desk", "web", user), Content(text), request_id)


def message(sequence: int, text: str = "hello") -> Message:
    return Message(f"msg_{sequence}", SESSION, sequence, text, NOW)


def attempt(*messages: Message, number: int = 1, **changes: Any) -> Attempt:
    """Attempt `number` of the turn `trn_1` over `messages`, the message 1 when none are given."""
    fresh = Attempt(
        session_id=SESSION,
        tenant_id="acme",
        agent_id="desk",
        customer_id="cus_1",
        channel="web",
        epoch=number,
        turn_id="trn_1",
        turn_group_id="grp_1",
        attempt=number,
        cause="MESSAGE",
        messages=messages or (message(1),),
        state="",
        config_version=7,
        turn_count=0,
        superseded_from="",
        supersede_count=0,
        opened_at=NOW,
        aggregation_reason="OFF",
        first_offset=1,
        started_at=NOW,
    )
    return replace(fresh, **changes)


def result(*message_ids: str, reply: str = "good day", **changes: Any) -> TurnResult:
    return replace(TurnResult(message_ids, (ReplySegment(0, reply),), "RESOLVED", '{"n":1}', 7), **changes)


class Subscription:
    """`LiveSubscription` over an unbounded queue."""

    def __init__(self, session_id: str, offset: int) -> None:
        self.session_id, self.offset = session_id, offset
        self.items: asyncio.Queue[LiveItem | None] = asyncio.Queue()

    async def next(self) -> LiveItem | None:
        return await self.items.get()


class Feed:
    """`LiveFeed` within a test; while `deaf` it loses everything it notes in `published` and `hinted`."""

    def __init__(self) -> None:
        self.deaf = False
        self.published: list[LiveItem] = []
        self.hinted: list[str] = []
        self.noticed: list[str] = []
        self.followers: list[Subscription] = []

    def publish(self, session_id: str, items: Iterable[LiveItem]) -> None:
        for item in items:
            self.published.append(item)
            self._offer(item)

    def hint(self, session_id: str) -> None:
        self.hinted.append(session_id)
        self._offer(None)

    @contextmanager
    def subscribe(self, session_id: str, offset: int) -> Iterator[Subscription]:
        subscription = Subscription(session_id, offset)
        self.followers.append(subscription)
        try:
            yield subscription
        finally:
            self.followers.remove(subscription)

    def followed(self) -> dict[str, int]:
        by_offset = sorted(self.followers, key=lambda follower: -follower.offset)
        return {follower.session_id: follower.offset for follower in by_offset}

    def missed(self, session_id: str) -> None:
        self.noticed.append(session_id)
        for follower in self.followers:
            if follower.session_id == session_id:
                follower.items.put_nowait(None)

    def _offer(self, item: LiveItem | None) -> None:
        for follower in self.followers:
            if not self.deaf:
                follower.items.put_nowait(item)


class Directory:
    """`AgentDirectory` that knows `desk`."""

    async def require(self, tenant_id: str, agent_id: str) -> None:
        if agent_id != "desk":
            from focal_kernel import errors as kernel_errors

            raise kernel_errors.NotFound("AGENT_NOT_FOUND", "no such agent")


class Refused:
    """`Refusals` that notes what was refused."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, str]] = []

    def count(self, tenant_id: str, reason: str) -> None:
        self.counted.append((tenant_id, reason))


class Tiers:
    """`Tiers` of tenants that claim them; `known` are those that claim none."""

    def __init__(self, **known: Tier) -> None:
        self.known = known

    async def tier(self, tenant_id: str, claimed: str) -> Tier | None:
        return tiers.named(claimed) or self.known.get(tenant_id)

    def seen(self, tenant_id: str) -> Tier | None:
        return self.known.get(tenant_id)


class Windows:
    """`RateWindows` that answers `allowance` and notes who asked."""

    def __init__(self, allowance: Allowance | None = None) -> None:
        self.allowance = allowance
        self.asked: list[tuple[str, str, Rates]] = []

    async def admit(self, tenant_id: str, customer: str, rates: Rates) -> Allowance | None:
        self.asked.append((tenant_id, customer, rates))
        return self.allowance


def admit(windows: Windows | None = None) -> Admit:
    """An admission whose tenants have 5, and nobody else more."""
    return Admit(Tiers(), windows or Windows(), lambda tier: Rates(5, 5, 1))


class Wakes:
    """`TurnEngine` that only notes wakes."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    def wake(self, tenant_id: str, session_id: str) -> None:
        self.woken.append(session_id)

    async def serve(self, drain: Callable[[Hold], Awaitable[None]]) -> None:
        await asyncio.Event().wait()


class Fence:
    """`EffectFence` that notes the epochs it was raised to and hands back `effects`."""

    def __init__(self, *effects: bytes) -> None:
        self.epochs: list[int] = []
        self.effects = effects
        self.past_commit_point = False

    async def fence(self, turn: Attempt | OpenTurn) -> Fenced:
        self.epochs.append(turn.epoch)
        return Fenced(self.effects, self.past_commit_point)

    async def committed(self, turn: Attempt | OpenTurn) -> bool:
        return self.past_commit_point


class ScriptedRun:
    """`PipelineRun` for one script: what the gateway told it, and a way to speak."""

    def __init__(self, attempt: Attempt, effects: tuple[bytes, ...], script: Script) -> None:
        self.attempt = attempt
        self.effects = effects
        self.told: asyncio.Queue[Message] = asyncio.Queue()
        self.stored: asyncio.Queue[str] = asyncio.Queue()
        self.deaf = False
        self._script = script

    async def frames(self) -> AsyncIterator[PipelineFrame]:
        async for frame in self._script(self):
            yield frame
        raise errors.AttemptFailed("the pipeline ended without a result", fatal=False)

    async def tell_pending(self, messages: Sequence[Message]) -> None:
        if self.deaf:
            raise errors.AttemptFailed("the pipeline closed the stream", fatal=False)
        for told in messages:
            self.told.put_nowait(told)

    async def tell_stored(self, name: str) -> None:
        self.stored.put_nowait(name)


Script = Callable[[ScriptedRun], AsyncIterator[PipelineFrame]]


async def answer(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
    """Answers all messages at once."""
    yield result(*(message.message_id for message in run.attempt.messages))


class ScriptedPipeline:
    """`Pipeline` that plays one script; `runs` are those begun, `abandoned` counts those left."""

    def __init__(self, script: Script = answer) -> None:
        self.script = script
        self.runs: list[ScriptedRun] = []
        self.abandoned = 0

    @asynccontextmanager
    async def run(self, attempt: Attempt, effects: tuple[bytes, ...]) -> AsyncIterator[ScriptedRun]:
        run = ScriptedRun(attempt, effects, self.script)
        self.runs.append(run)
        try:
            yield run
        finally:
            self.abandoned += 1


class Counts:
    """`EventCounts` in memory; while `away` it cannot be reached."""

    def __init__(self) -> None:
        self.away = False
        self.counted: dict[tuple[int, str], tuple[int, int]] = {}

    async def add(
        self, minute: int, counted: Mapping[str, tuple[int, int]]
    ) -> dict[str, tuple[int, int]] | None:
        await asyncio.sleep(0)
        if self.away:
            return None
        for tenant_id, (total, customs) in counted.items():
            before, customs_before = self.counted.get((minute, tenant_id), (0, 0))
            self.counted[minute, tenant_id] = (before + total, customs_before + customs)
        return {tenant_id: self.counted[minute, tenant_id] for tenant_id in counted}


def admission(max_bytes: int = 100, per_minute: int = 1000, custom_per_minute: int = 100) -> AdmitEvents:
    """Admits events by limits, counted in memory; nobody is told of refusals."""
    budget = EventBudget(Counts(), Limits(per_minute, custom_per_minute), exchange_s=1, clock=lambda: 0.0)
    return AdmitEvents(budget, max_bytes, lambda tenant_id, reason: None)


class OutboxRows:
    """`Outbox` over a list; rows are claimed one per session, oldest first."""

    def __init__(self, *rows: ClaimedRow) -> None:
        self.waiting = list(rows)
        self.done: list[int] = []
        self.given_up: list[int] = []
        self.reasons: list[str] = []
        self.postponed: list[tuple[int, float]] = []

    async def claim(self, destination: str, limit: int) -> list[ClaimedRow]:
        await asyncio.sleep(0.001)
        oldest: dict[str, ClaimedRow] = {}
        for row in self.waiting:
            oldest.setdefault(row.session_id, row)
        claimed = [replace(row, attempts=row.attempts + 1) for row in oldest.values()][:limit]
        kept = {row.outbox_id: row for row in claimed}
        self.waiting = [kept.get(row.outbox_id, row) for row in self.waiting]
        return claimed

    async def delivered(self, outbox_ids: Sequence[int]) -> None:
        self.done += outbox_ids
        self._drop(outbox_ids)

    async def postpone(self, outbox_ids: Sequence[int], seconds: float) -> None:
        self.postponed += [(outbox_id, seconds) for outbox_id in outbox_ids]

    async def give_up(self, row: ClaimedRow, reason: str) -> None:
        self.given_up.append(row.outbox_id)
        self.reasons.append(reason)
        self._drop([row.outbox_id])

    def _drop(self, outbox_ids: Sequence[int]) -> None:
        self.waiting = [row for row in self.waiting if row.outbox_id not in outbox_ids]


class KeylessRows:
    """`KeylessOutbox` over a list; what is claimed is nobody else's until it is settled or put back."""

    def __init__(self, *rows: ClaimedRow) -> None:
        self.waiting = list(rows)
        self.claimed: set[int] = set()
        self.begun: list[int] = []
        self.settled: dict[int, tuple[DeliveryState, str]] = {}

    async def claim(self, name: str, limit: int) -> list[ClaimedRow]:
        await asyncio.sleep(0)
        oldest: dict[str, ClaimedRow] = {}
        for row in self.waiting:
            oldest.setdefault(row.session_id, row)
        free = [row for row in oldest.values() if row.outbox_id not in self.claimed]
        claimed = {row.outbox_id: replace(row, attempts=row.attempts + 1) for row in free[:limit]}
        self.claimed |= claimed.keys()
        self.waiting = [claimed.get(row.outbox_id, row) for row in self.waiting]
        return list(claimed.values())

    async def doubt_lost(self) -> list[str]:
        return []

    async def begin(self, row: ClaimedRow) -> None:
        self.begun.append(row.outbox_id)

    async def settle(self, row: ClaimedRow, state: DeliveryState, reason: str) -> bool:
        self.settled[row.outbox_id] = (state, reason)
        self.waiting = [other for other in self.waiting if other.outbox_id != row.outbox_id]
        return True

    async def postpone(self, row: ClaimedRow, reason: str, pause_s: float) -> None:
        self.claimed.discard(row.outbox_id)
