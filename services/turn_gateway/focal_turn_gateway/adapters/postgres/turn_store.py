"""Moves turns: each step is one call of a function of the schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import asyncpg

from focal_kernel import ids
from focal_service_kit import tracing
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures, records
from focal_turn_gateway.domain.accumulation import Hint
from focal_turn_gateway.domain.events import Event
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.turns import Artifact, Attempt, Decision, Turn
from focal_turn_gateway.ports.accumulation import OpenWindow
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.turns import Committed, Idle, OutboxRow, Wait

_OPEN = "SELECT turns.open_turn($1, $2, $3, $4, $5, $6, $7, $8)"
_PENDING = """
SELECT s.epoch, (
  SELECT coalesce(jsonb_agg(turns.message_json(m) ORDER BY m.sequence), '[]')
  FROM turns.messages m WHERE m.session_id = $1 AND m.turn_id IS NULL AND m.sequence > $2) AS messages
FROM turns.sessions s WHERE s.session_id = $1
"""
_COMMIT = """
SELECT committed, first_offset, at, remaining
FROM turns.commit_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_PAST_COMMIT_POINT = "FC004"


class PostgresTurnStore:
    """`ports.TurnStore` on the schema `turns`. `artifact_ttl_s`: seconds an artifact that does not bind its
    turn may be reused.
    """

    def __init__(
        self, pool: asyncpg.Pool, *, max_messages: int, history: int, artifact_ttl_s: float = 60
    ) -> None:
        self._pool = pool
        self._max_messages = max_messages
        self._history = history
        self._artifact_ttl = timedelta(seconds=artifact_ttl_s)

    async def open_turn(self, hold: Hold) -> Idle | Wait | Attempt:
        """Start the session's next attempt when its window has passed."""
        with failures.translated():
            answer = json.loads(
                await self._pool.fetchval(
                    _OPEN,
                    hold.session_id,
                    hold.lease,
                    ids.new_id("trn"),
                    ids.new_id("grp"),
                    self._max_messages,
                    self._history,
                    tracing.current_trace_id(),
                    self._artifact_ttl,
                )
            )
        if answer["next"] == "run":
            return records.ATTEMPT.validate_python(answer["attempt"])
        if answer["next"] == "wait":
            return Wait(answer["wait_ms"] / 1000, OpenWindow(**answer["window"]))
        return Idle()

    async def pending(self, attempt: Attempt, after_sequence: int) -> tuple[Message, ...]:
        """Unanswered messages of the attempt's session behind `after_sequence`."""
        with failures.translated():
            row = await self._pool.fetchrow(_PENDING, attempt.session_id, after_sequence)
        if row is None or row["epoch"] != attempt.epoch:
            raise errors.AttemptLost
        return records.MESSAGES.validate_json(row["messages"])

    async def record_events(self, attempt: Attempt, events: Sequence[Event]) -> int:
        """Append events; returns the offset of the first."""
        with failures.translated():
            first: int = await self._pool.fetchval(
                "SELECT turns.record_events($1, $2, $3)",
                attempt.session_id,
                attempt.epoch,
                records.events_json(events),
            )
        return first

    async def store_artifact(self, attempt: Attempt, artifact: Artifact) -> None:
        """Keep the result of a phase for other attempts of this turn."""
        with failures.translated():
            await self._pool.execute(
                "SELECT turns.store_artifact($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                attempt.session_id,
                attempt.epoch,
                attempt.turn_id,
                attempt.attempt,
                artifact.name,
                artifact.data_json,
                artifact.input_fingerprint,
                artifact.dependency_fingerprint,
                artifact.binding,
            )

    async def record_decision(
        self, attempt: Attempt, decision: Decision, successor_id: str, events: Sequence[Event]
    ) -> int:
        """Keep a decision, and end the turn in favour of its successor when there is one. Raises
        CommitPointPassed.
        """
        with failures.translated():
            try:
                first: int = await self._pool.fetchval(
                    "SELECT turns.record_decision($1, $2, $3, $4, $5, $6, $7, $8)",
                    attempt.session_id,
                    attempt.epoch,
                    attempt.turn_id,
                    successor_id,
                    decision.disposition.value,
                    list(decision.message_ids),
                    decision.reason,
                    records.events_json(events),
                )
            except asyncpg.PostgresError as error:
                if error.sqlstate == _PAST_COMMIT_POINT:
                    raise errors.CommitPointPassed(attempt.turn_id) from error
                raise
        return first

    async def commit(
        self,
        attempt: Attempt,
        turn: Turn,
        state: str | None,
        events: Sequence[Event],
        outbox: Sequence[OutboxRow],
        hint: Hint | None = None,
    ) -> Committed:
        """Close the turn and everything that goes with it, in one transaction and one round trip."""
        with failures.translated():
            row = await self._pool.fetchrow(
                _COMMIT,
                attempt.session_id,
                attempt.epoch,
                attempt.turn_id,
                turn.status.value,
                list(turn.message_ids),
                state,
                None if hint is None else json.dumps(asdict(hint)),
                turn.config_version,
                records.TURN.dump_json(turn).decode(),
                turn.reply_text,
                turn.status_reason,
                records.events_json(events),
                json.dumps([asdict(row) for row in outbox]),
            )
        assert row is not None
        return Committed(row["committed"], row["first_offset"], row["at"], row["remaining"])
