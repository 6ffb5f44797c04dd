"""The turn program: drain a session, one turn after the other, until nothing is left.

Take the next epoch, load the unanswered messages, accumulate until the window has passed, run the pipeline,
commit. Every step is safe to lose: whoever drains next reads the rows and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from focal_service_kit import logging, tasks, tracing
from focal_turn_gateway import errors
from focal_turn_gateway.core.close_turn import CloseTurn
from focal_turn_gateway.core.early_finish import Asked, EarlyFinish
from focal_turn_gateway.core.run_attempt import Finished, RunAttempt
from focal_turn_gateway.domain.error_policy import ErrorPolicy, Failure, Policy
from focal_turn_gateway.domain.events import Body, StoredEvent, TurnAggregated, TurnStarted
from focal_turn_gateway.domain.messages import traceparent
from focal_turn_gateway.domain.turns import Attempt
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.turns import Idle, TurnStore, Wait

OUT_OF_TIME = "the turn took longer than its budget"

_log = logging.get("turn")


@dataclass(frozen=True, slots=True)
class Drain:
    """`poll_s`: seconds after which a window looks at the rows again, in case a wake hint was lost."""

    store: TurnStore
    run_attempt: RunAttempt
    close_turn: CloseTurn
    live: LiveFeed
    policy: ErrorPolicy
    poll_s: float
    early_finish: EarlyFinish | None = None

    async def __call__(self, hold: Hold) -> None:
        """Answer what is unanswered in the held session. Raises StoreUnavailable."""
        asked = Asked()
        while await self._one_turn(hold, asked):
            # A session that is never quiet lets others have their turns in between.
            async with hold.aside():
                pass

    async def _one_turn(self, hold: Hold, asked: Asked) -> bool:
        """One step towards an empty queue; false when there is nothing left, or nothing left for this
        holder.
        """
        hold.woken.clear()
        step = await self.store.open_turn(hold)
        if isinstance(step, Idle):
            return False
        if isinstance(step, Wait):
            async with hold.aside():
                await self._wait(hold, step, asked)
            return True
        self.live.publish(step.session_id, _opened(step))
        try:
            with tracing.continued(traceparent(step.messages)):
                return await self._answer(step, hold)
        except errors.AttemptLost:
            _log.warning("attempt lost", session=step.session_id, turn=step.turn_id, epoch=step.epoch)
            return False

    async def _answer(self, attempt: Attempt, hold: Hold) -> bool:
        left_s = self.policy.budget_s - attempt.spent_s
        if left_s <= 0:
            return await self._fail(attempt, hold, OUT_OF_TIME, Failure.BRAIN)
        if attempt.attempt > self.policy.lost.retries + 1:
            return await self._fail(attempt, hold, "no attempt succeeded", Failure.LOST)
        limit = asyncio.timeout(left_s)
        try:
            async with limit:
                outcome = await self.run_attempt(attempt, hold.woken)
        except errors.AttemptFailed as failed:
            return await self._failed(attempt, hold, failed, left_s)
        except TimeoutError:
            if not limit.expired():
                raise
            return await self._fail(attempt, hold, OUT_OF_TIME, Failure.BRAIN)
        if not isinstance(outcome, Finished):
            return True
        remaining = await self.close_turn.complete(attempt, outcome)
        _log_turn(attempt, outcome)
        return remaining or hold.woken.is_set()

    async def _failed(
        self, attempt: Attempt, hold: Hold, failed: errors.AttemptFailed, left_s: float
    ) -> bool:
        """Wait for the next attempt, or end the turn as the policy says."""
        _log.warning("attempt failed", session=attempt.session_id, turn=attempt.turn_id, why=failed.reason)
        failure = _kind(failed)
        pause_s = self.policy.pause_s(failure, attempt.attempt)
        if pause_s is None:
            return await self._fail(attempt, hold, failed.reason, failure)
        async with hold.aside():
            await asyncio.sleep(min(pause_s, left_s))
        return True

    async def _fail(self, attempt: Attempt, hold: Hold, reason: str, failure: Failure) -> bool:
        policy = self.policy.of(failure)
        escalated = self.policy.target if policy is Policy.ESCALATE else None
        answer = self.policy.answer(failure)
        remaining = await self.close_turn.fail(attempt, reason, answer, escalated=escalated)
        _log.error(
            "turn failed",
            session=attempt.session_id,
            turn=attempt.turn_id,
            why=reason,
            kind=failure.value,
            escalated=escalated or "",
        )
        return remaining or hold.woken.is_set()

    async def _wait(self, hold: Hold, wait: Wait, asked: Asked) -> None:
        """Until the session is woken, its window has passed or is to be looked at again."""
        due_s = self.early_finish.in_s(wait, asked) if self.early_finish else None
        if self.early_finish is not None and due_s == 0:
            asked.sequence = wait.window.sequence
            await self._woken_or(hold, wait.seconds, self.early_finish(hold, wait.window))
        else:
            seconds = wait.seconds if due_s is None else min(wait.seconds, due_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, self.poll_s)):
                    await hold.woken.wait()

    async def _woken_or(self, hold: Hold, seconds: float, asking: Coroutine[Any, Any, bool]) -> None:
        """Until the answer is there; a wake or the window's end leave the question unanswered."""
        question = asyncio.create_task(asking, name="judge input")
        wake = asyncio.create_task(hold.woken.wait(), name="wake")
        try:
            await asyncio.wait((question, wake), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if question.done():
                question.result()
        finally:
            await tasks.cancel([question, wake])


def _kind(failed: errors.AttemptFailed) -> Failure:
    if failed.unserved:
        return Failure.PROVIDER
    return Failure.BRAIN if failed.fatal else Failure.LOST


def _opened(attempt: Attempt) -> list[StoredEvent]:
    started = TurnStarted(attempt.turn_group_id, attempt.epoch, attempt.cause, attempt.superseded_from)
    aggregated = TurnAggregated(
        attempt.aggregation_reason, tuple(message.message_id for message in attempt.messages)
    )
    bodies: tuple[Body, ...] = (started, aggregated)
    return [
        StoredEvent(
            attempt.session_id,
            attempt.first_offset + index,
            attempt.started_at,
            body,
            attempt.turn_id,
            attempt.attempt,
            tracing.current_trace_id(),
        )
        for index, body in enumerate(bodies)
    ]


def _log_turn(attempt: Attempt, outcome: Finished) -> None:
    """The one line of a turn."""
    _log.info(
        "turn",
        tenant=attempt.tenant_id,
        agent=attempt.agent_id,
        session=attempt.session_id,
        turn=attempt.turn_id,
        attempt=attempt.attempt,
        epoch=attempt.epoch,
        messages=len(outcome.result.answered_message_ids),
        outcome=outcome.result.outcome,
        llm_calls=outcome.result.usage.llm_calls,
        phase_ms=dict(outcome.result.phase_ms),
        **({"trace": trace} if (trace := tracing.trace_id(traceparent(attempt.messages))) else {}),
    )
