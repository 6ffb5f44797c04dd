"""Stores messages: one statement makes identity, session, message and event durable together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from focal_kernel import ids
from focal_service_kit import tracing
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.adapters.postgres.queueing import OneByOne
from focal_turn_gateway.domain.accumulation import Window
from focal_turn_gateway.domain.messages import Accepted, Submission

_SUBMIT = """
SELECT message_id, session_id, sequence, received_at, duplicate, same_content, event_offset
FROM turns.submit_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
  $18, $19, $20, $21, $22, $23)
"""
_QUEUE_FULL = "FC002"
_EXTEND = "SELECT turns.extend_window($1, $2, $3, $4)"
_END_TYPING = "SELECT turns.end_typing($1, $2, $3)"


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may be unanswered in a session: `queue` messages behind a running attempt; while none runs,
    behind the `turn` messages that the next one answers. Who is refused may come again after `retry_s`
    seconds.
    """

    turn: int
    queue: int
    retry_s: float


@dataclass(frozen=True, slots=True)
class Learning:
    """Which pauses between messages are learnt: from `gap_min_ms` to `gap_max_ms`, the latest `kept` of each
    customer on each channel; none when 0.
    """

    gap_min_ms: int = 100
    gap_max_ms: int = 30_000
    kept: int = 20


class PostgresMessageStore:
    """`ports.MessageStore` on the schema `turns`; `max_wait_ms` is a window's longest wait."""

    def __init__(
        self, pool: asyncpg.Pool, max_wait_ms: int, limits: QueueLimits, learning: Learning | None = None
    ) -> None:
        self._pool = pool
        self._learning = learning or Learning()
        self._max_wait = timedelta(milliseconds=max_wait_ms)
        self._limits = limits
        self._sessions = OneByOne()

    async def submit(self, submission: Submission, window: Window) -> Accepted:
        """Store a message. Raises RequestIdReused, QueueFull, StoreUnavailable."""
        address = submission.address
        session = submission.tenant_id, address.agent_id, address.channel, submission.channel_user_hash
        with failures.translated():
            async with self._sessions.turn(session):
                try:
                    row = await self._call(submission, window)
                except asyncpg.UniqueViolationError:
                    # The same request id won a race a moment ago; now its message is visible.
                    row = await self._call(submission, window)
        if not row["same_content"]:
            raise errors.RequestIdReused
        return Accepted(
            row["message_id"],
            row["session_id"],
            row["sequence"],
            row["received_at"],
            row["duplicate"],
            row["event_offset"],
        )

    async def extend_window(self, tenant_id: str, session_id: str, pause_ms: int) -> None:
        """Keep an open window open. Raises StoreUnavailable."""
        with failures.translated():
            await self._pool.execute(
                _EXTEND, tenant_id, session_id, timedelta(milliseconds=pause_ms), self._max_wait
            )

    async def end_typing(self, tenant_id: str, session_id: str, pause_ms: int) -> bool:
        """Let an extended window fall back. Raises StoreUnavailable."""
        with failures.translated():
            pause = timedelta(milliseconds=pause_ms)
            ended: bool = await self._pool.fetchval(_END_TYPING, tenant_id, session_id, pause)
        return ended

    async def _call(self, submission: Submission, window: Window) -> asyncpg.Record:
        try:
            return await self._stored(submission, window)
        except asyncpg.PostgresError as error:
            if error.sqlstate == _QUEUE_FULL:
                raise errors.QueueFull(self._limits.queue, self._limits.retry_s) from None
            raise

    async def _stored(self, submission: Submission, window: Window) -> asyncpg.Record:
        address, content = submission.address, submission.content
        row = await self._pool.fetchrow(
            _SUBMIT,
            submission.tenant_id,
            address.agent_id,
            address.channel,
            submission.channel_user_hash,
            address.channel_user_id,
            ids.new_id("cus"),
            ids.new_id("ses"),
            ids.new_id("msg"),
            submission.request_id,
            submission.content_hash,
            content.text,
            json.dumps(dict(content.metadata)),
            content.provider_message_id,
            timedelta(milliseconds=window.pause_ms),
            window.reason.value,
            self._max_wait,
            self._limits.turn,
            self._limits.queue,
            timedelta(milliseconds=self._learning.gap_min_ms),
            timedelta(milliseconds=self._learning.gap_max_ms),
            self._learning.kept,
            tracing.current_trace_id(),
            submission.owned.key if submission.owned else "",
        )
        assert row is not None
        return row
