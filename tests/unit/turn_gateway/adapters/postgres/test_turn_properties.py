"""Whatever submits, attempts, decisions, crashes and repeats interleave: the promises hold in the tables."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from focal_service_kit import postgres
from focal_service_kit.settings import PostgresSettings
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres.message_store import PostgresMessageStore
from focal_turn_gateway.adapters.postgres.turn_desk import PostgresTurnDesk
from focal_turn_gateway.adapters.postgres.turn_store import PostgresTurnStore
from focal_turn_gateway.domain import lifecycle
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.events import AgentReported, Event
from focal_turn_gateway.domain.lifecycle import Standing
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.triggers import Request, Trigger
from focal_turn_gateway.domain.turns import Attempt, Decision, SupersedeAction, TurnStatus, closed
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.turns import OutboxRow
from tests.fakes.gateway_turns import QUEUE
from tests.fakes.turn_gateway import result, submission

pytestmark = pytest.mark.migrated("focal_turn_gateway")

AT_ONCE = Window(0, AggregationReason.OFF)
# One statement, since it is asked after every step.
_SESSION = """
SELECT epoch, turn_count, event_offset,
       ARRAY(SELECT "offset" FROM turns.events WHERE session_id = $1 ORDER BY 1) AS offsets,
       ARRAY(SELECT turn_index FROM turns.turns WHERE session_id = $1 AND turn_index > 0 ORDER BY 1) AS turns,
       ARRAY(SELECT dedupe_key FROM turns.outbox WHERE session_id = $1 ORDER BY outbox_id) AS owed
FROM turns.sessions WHERE session_id = $1
"""
_numbers = itertools.count()


class Session(RuleBasedStateMachine):
    """One session; attempts are never forgotten, so that any of them may thaw and act at any time."""

    run: Callable[[Coroutine[Any, Any, Any]], Any]
    pool: asyncpg.Pool

    def __init__(self) -> None:
        super().__init__()
        self.user = f"user-{next(_numbers)}"
        self.messages = PostgresMessageStore(self.pool, 10_000, QUEUE)
        self.desk = PostgresTurnDesk(self.pool)
        self.turns = PostgresTurnStore(self.pool, max_messages=4, history=1)
        self.session_id = ""
        self.accepted: list[str] = []
        self.attempts: list[Attempt] = []
        self.committed: dict[str, int] = {}
        self.cancelled: set[str] = set()
        self.ended: set[str] = set()
        self.epoch = 0
        self.seen: dict[str, Standing] = {}

    @rule(request=st.sampled_from(["", "r1", "r2"]))
    def submit(self, request: str) -> None:
        request_id = request and f"{self.user}-{request}"
        accepted = self.run(self.messages.submit(submission("hi", request_id, self.user), AT_ONCE))
        assert accepted.duplicate == (accepted.message_id in self.accepted)
        if not accepted.duplicate:
            self.accepted.append(accepted.message_id)
        self.session_id = accepted.session_id

    @precondition(lambda self: self.session_id)
    @rule()
    def open(self) -> None:
        step = self.run(self.turns.open_turn(Hold(self.session_id, asyncio.Event())))
        if isinstance(step, Attempt):
            assert step.epoch == self.epoch + 1
            self.epoch = step.epoch
            self.attempts.append(step)

    @precondition(lambda self: self.session_id)
    @rule(cause=st.sampled_from(["t1", "t2"]))
    def trigger(self, cause: str) -> None:
        asked = Trigger("acme", self.session_id, "TIMER", cause, "{}")
        opened = self.run(self.desk.trigger(asked, Request("", "")))
        assert opened.already_open == (opened.turn_id in self.seen)
        assert opened.turn_id not in self.ended

    @precondition(lambda self: self.seen)
    @rule(which=st.integers(0, 3), stale=st.booleans())
    def cancel(self, which: int, stale: bool) -> None:
        turn_id = sorted(self.seen)[-1 - which % len(self.seen)]
        found = self.run(self.desk.standing("acme", self.session_id, turn_id, Request("", "")))
        if stale:
            found = replace(found, epoch=self.epoch)
        cancelled = self.run(self.desk.cancel(found, "ada", "", Request("", "")))
        assert cancelled == (turn_id not in self.ended and not (stale and found.running))
        if cancelled:
            self.ended.add(turn_id)
            self.cancelled.add(turn_id)
            self.epoch += found.running

    @precondition(lambda self: self.attempts)
    @rule(which=st.integers(0, 5), action=st.sampled_from(SupersedeAction))
    def decide(self, which: int, action: SupersedeAction) -> None:
        attempt = self._attempt(which)
        pending = self._pending(attempt)
        ids = tuple(message.message_id for message in pending)
        decision = Decision(action, "UNSPECIFIED", "PRE_COMMIT", "", ids)
        successor = f"trn_{next(_numbers)}" if action is SupersedeAction.SUPERSEDE else ""
        deciding = self.turns.record_decision(attempt, decision, successor, [self._event(attempt)])
        if attempt.epoch != self.epoch:
            self._expect_lost(deciding)
        elif attempt.turn_id in self.ended:
            deciding.close()  # the gateway leaves an attempt once it has ended its turn
        else:
            self.run(deciding)
            self.ended |= {attempt.turn_id} if successor else set()

    @precondition(lambda self: self.attempts)
    @rule(which=st.integers(0, 5))
    def report(self, which: int) -> None:
        attempt = self._attempt(which)
        reporting = self.turns.record_events(attempt, [self._event(attempt)])
        if attempt.epoch == self.epoch:
            self.run(reporting)
        else:
            self._expect_lost(reporting)

    @precondition(lambda self: self.attempts)
    @rule(which=st.integers(0, 5), skip=st.integers(0, 1), keep=st.integers(1, 4), absorb=st.booleans())
    def commit(self, which: int, skip: int, keep: int, absorb: bool) -> None:
        attempt = self._attempt(which)
        skip = max(0, min(skip, len(attempt.messages) - 1))
        messages = list(attempt.messages[skip : skip + keep])
        if absorb and messages and messages[-1] is attempt.messages[-1]:
            messages += self._pending(attempt)
        found = result(*(message.message_id for message in messages))
        turn = closed(attempt, found, TurnStatus.COMPLETE)
        row = OutboxRow("memory", turn.turn_id, {})
        committing = self.turns.commit(attempt, turn, "{}", [self._event(attempt)], [row])
        if self.committed.get(attempt.turn_id) == attempt.epoch:
            assert not self.run(committing).fresh
        elif attempt.epoch != self.epoch or attempt.turn_id in self.ended or skip:
            self._expect_lost(committing)
        else:
            assert self.run(committing).fresh
            self.committed[attempt.turn_id] = attempt.epoch
            self.ended.add(attempt.turn_id)

    @precondition(lambda self: self.session_id)
    @invariant()
    def promises_hold(self) -> None:
        rows = self.run(
            self.pool.fetch(
                "SELECT m.message_id, m.turn_id, t.turn_index FROM turns.messages m"
                " LEFT JOIN turns.turns t USING (turn_id) WHERE m.session_id = $1 ORDER BY m.sequence",
                self.session_id,
            )
        )
        assert [row["message_id"] for row in rows] == self.accepted
        ended = [row for row in rows if row["turn_id"]]
        indexes = [row["turn_index"] for row in ended if row["turn_id"] not in self.cancelled]
        assert indexes == sorted(indexes), "messages are answered in session order"
        assert not any(row["turn_id"] for row in rows[len(ended) :]), "the answered are a prefix"
        turns = {row["turn_id"] for row in ended}
        with_messages = {a.turn_id for a in self.attempts if a.messages}
        assert set(self.committed) & with_messages <= turns <= set(self.committed) | self.cancelled
        self._check_session()

    @precondition(lambda self: self.session_id)
    @invariant()
    def turns_move_as_their_table_says(self) -> None:
        rows = self.run(self.pool.fetch("SELECT * FROM turns.turns WHERE session_id = $1", self.session_id))
        now = {
            row["turn_id"]: Standing(
                row["turn_id"],
                row["turn_group_id"],
                TurnStatus(row["status"]),
                row["attempt"],
                row["superseded_from"],
                row["superseded_by"],
            )
            for row in rows
        }
        assert now.keys() >= self.seen.keys()
        for turn in now.values():
            self._check_move(self.seen.get(turn.turn_id, fresh(turn)), turn, now)
        assert sum(turn.status is TurnStatus.PROCESSING for turn in now.values()) <= 1
        assert {turn.turn_id for turn in now.values() if turn.status in lifecycle.TERMINAL} == self.ended
        self.seen = now

    def _check_move(self, before: Standing, then: Standing, now: dict[str, Standing]) -> None:
        assert lifecycle.observed(before.status, then.status), f"{before} became {then}"
        assert then.turn_group_id == before.turn_group_id
        begun = then.attempt - before.attempt
        assert begun in ({0, 1} if then.status is TurnStatus.PROCESSING else {0})
        if then.status is not TurnStatus.CANCELLED:
            assert (then.status is TurnStatus.ACCUMULATING) == (then.attempt == 0)
        assert (then.status is TurnStatus.SUPERSEDED) == bool(then.superseded_by)
        groups = {turn.turn_group_id for turn in now.values() if turn.turn_id != then.turn_id}
        if then.superseded_from:
            predecessor = now[then.superseded_from]
            assert predecessor.superseded_by == then.turn_id
            assert predecessor.turn_group_id == then.turn_group_id, "a successor inherits the group"
        elif then.turn_id not in self.seen:
            assert then.turn_group_id not in groups, "what waited in the queue has a group of its own"

    def _check_session(self) -> None:
        session = self.run(self.pool.fetchrow(_SESSION, self.session_id))
        assert session["epoch"] == self.epoch
        assert session["turn_count"] == len(self.committed)
        offsets = list(range(1, session["event_offset"] + 1))
        assert session["offsets"] == offsets, "offsets have no gaps"
        assert session["turns"] == list(range(1, len(self.committed) + 1))
        assert session["owed"] == list(self.committed), "each committed turn is owed once, in order"

    def _attempt(self, which: int) -> Attempt:
        """The latest attempt most of the time, an older one now and then."""
        return self.attempts[-1 - which] if which < len(self.attempts) else self.attempts[-1]

    def _pending(self, attempt: Attempt) -> tuple[Message, ...]:
        """What the attempt is told of, and nothing when it is not the latest any more."""
        asking = self.turns.pending(attempt, attempt.messages[-1].sequence if attempt.messages else 0)
        if attempt.epoch == self.epoch:
            return tuple(self.run(asking))
        self._expect_lost(asking)
        return ()

    def _event(self, attempt: Attempt) -> Event:
        body = AgentReported("custom", "note", "{}", "INFO", "1.0")
        return Event(body, attempt.turn_id, attempt.attempt)

    def _expect_lost(self, acting: Coroutine[Any, Any, Any]) -> None:
        with pytest.raises(errors.AttemptLost):
            self.run(acting)


def fresh(turn: Standing) -> Standing:
    """What a turn seen for the first time must have been before."""
    return Standing(turn.turn_id, turn.turn_group_id, superseded_from=turn.superseded_from)


@pytest.fixture
def machine(database: str) -> Iterator[type[Session]]:
    """The machine on a pool and a loop of its own: hypothesis is not asynchronous."""
    chosen = PostgresSettings(url=database, pool_min=1, pool_max=1)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        pool = runner.run(stack.enter_async_context(postgres.pool(chosen, "test")))
        yield type("BoundSession", (Session,), {"run": staticmethod(runner.run), "pool": pool})
        runner.run(stack.aclose())


def test_the_promises_hold_however_steps_interleave(machine: type[Session]) -> None:
    chosen = settings(
        max_examples=60,
        stateful_step_count=20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=chosen)
