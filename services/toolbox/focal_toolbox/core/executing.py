"""Carries out one call and tells what happens: refused, read, or effected once."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from focal_kernel.clock import Clock
from focal_service_kit import deadlines
from focal_toolbox import errors
from focal_toolbox.core import pending_messages
from focal_toolbox.core.delivering import Plan
from focal_toolbox.core.effecting import Effects
from focal_toolbox.core.policing import Policing
from focal_toolbox.core.preparing import Job, Preparation
from focal_toolbox.core.reading import Reading
from focal_toolbox.domain import result
from focal_toolbox.domain.order import Order
from focal_toolbox.domain.result import Event, Result
from focal_toolbox.domain.tool import Tool
from focal_toolbox.ports.meter import Meter


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds one request may take: unless its tool says otherwise, and whatever its tool says."""

    default_s: float = 30.0
    longest_s: float = 120.0

    def of(self, tool: Tool) -> float:
        """The limit of one request of `tool`."""
        return min(tool.timeout_s or self.default_s, self.longest_s)


class Execution:
    """Prepares a call, then reads or effects it."""

    def __init__(
        self,
        preparation: Preparation,
        policing: Policing,
        reading: Reading,
        effects: Effects,
        meter: Meter,
        clock: Clock,
        timeouts: Timeouts,
    ) -> None:
        self._preparation = preparation
        self._policing = policing
        self._reading = reading
        self._effects = effects
        self._meter = meter
        self._clock = clock
        self._timeouts = timeouts

    async def execute(self, order: Order) -> AsyncGenerator[Event, None]:
        """Events of the call; the last one is its Result.

        Raises FocalError for a malformed order (BadRequest), an unknown agent or version (NotFound),
        a lost race against a newer attempt (Fenced) and dependencies that are away (Unavailable).
        """
        started = self._clock.monotonic()
        given = self._preparation.arguments(order)
        tool: Tool | None = None
        try:
            tool = await self._preparation.tool(order)
            job = await self._policing.check(self._preparation.job(order, tool, given))
            pending_messages.check(order.attempt, tool)
        except errors.Refusal as refusal:
            job = result.refused(order.tool_name, refusal)
        if isinstance(job, Result):
            yield self._counted(job, order, tool, started)
            return
        if order.no_retry and (failure := await self._effects.failure_before(job)):
            yield self._counted(failure, order, tool, started)
            return
        carry_out = self._effects.carry_out if job.tool.policy.ledgered else self._reading.carry_out
        async with aclosing(carry_out(job, self._plan(job))) as events:
            async for event in events:
                yield self._counted(event, order, tool, started)

    def _plan(self, job: Job) -> Plan:
        """Retries end with the caller's deadline; a request under way does not."""
        left = deadlines.remaining()
        return Plan(
            idempotency_key=job.effect_key,
            repeatable=job.tool.policy.repeatable,
            request_s=self._timeouts.of(job.tool),
            retry_within_s=math.inf if left is None else left,
        )

    def _counted(self, event: Event, order: Order, tool: Tool | None, started: float) -> Event:
        if isinstance(event, Result):
            seconds = self._clock.monotonic() - started
            policy = tool.policy if tool else None
            self._meter.executed(order.attempt.tenant_id, policy, event.status, seconds)
        return event
