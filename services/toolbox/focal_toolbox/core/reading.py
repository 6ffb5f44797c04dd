"""Carries out PURE calls: no ledger, and given up with the caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from focal_toolbox import errors
from focal_toolbox.core.admission import Permit
from focal_toolbox.core.confirming import Confirming
from focal_toolbox.core.delivering import Courier, Plan
from focal_toolbox.core.following import follow
from focal_toolbox.core.preparing import Job
from focal_toolbox.core.reusing import Reuse
from focal_toolbox.core.turn_calls import TurnCalls
from focal_toolbox.domain import result
from focal_toolbox.domain.reads import KeptRead, Writes
from focal_toolbox.domain.result import Event, Result, Started

Uncount = Callable[[], None]
"""Takes a call off its turn's count; as `TurnCalls.read` returns it."""


class Reading:
    """Asks the provider, unless the tool says how long an answer is fresh and there is one."""

    def __init__(self, courier: Courier, reuse: Reuse, confirming: Confirming, turn_calls: TurnCalls) -> None:
        self._courier = courier
        self._reuse = reuse
        self._confirming = confirming
        self._turn_calls = turn_calls

    async def carry_out(self, job: Job, plan: Plan) -> AsyncGenerator[Event, None]:
        """Events of the call; raises Unavailable when a yes is needed and cannot be looked for."""
        try:
            uncount = self._turn_calls.read(job)
        except errors.Refusal as refusal:
            yield result.refused(job.tool.name, refusal)
            return
        writes = await self._reuse.writes(job) if job.tool.fresh_s else None
        kept = None if writes is None else self._reuse.kept(job, writes)
        source = self._ask(job, plan, writes, uncount) if kept is None else self._use(job, kept, uncount)
        async with aclosing(source) as events:
            async for event in events:
                yield event

    async def _use(self, job: Job, kept: KeptRead, uncount: Uncount) -> AsyncGenerator[Event, None]:
        """No host is asked, so neither a place there nor its circuit matters."""
        yield await self._unconfirmed(job, uncount) or result.of_kept(job.tool.name, kept)

    async def _ask(
        self, job: Job, plan: Plan, writes: Writes | None, uncount: Uncount
    ) -> AsyncGenerator[Event, None]:
        try:
            permit = await self._admitted(job, uncount)
        except errors.Refusal as refusal:
            yield result.refused(job.tool.name, refusal)
            return
        try:
            if unconfirmed := await self._unconfirmed(job, uncount):
                yield unconfirmed
                return
            source = (
                self._read(job, plan, permit)
                if writes is None
                else self._reuse.read(job, plan, writes, permit)
            )
            async with aclosing(source) as events:
                async for event in events:
                    yield event
        finally:
            permit.give_back()

    async def _read(self, job: Job, plan: Plan, permit: Permit) -> AsyncGenerator[Event, None]:
        progress: asyncio.Queue[Event] = asyncio.Queue()
        # Begun before it is told, so that the request need not wait for the caller to take that in.
        reading = asyncio.create_task(
            self._courier.deliver(job.dispatch, plan, progress.put_nowait, permit),
            name=f"read {job.tool.name}",
        )
        try:
            yield Started(job.tool.name)
            async for event in follow(reading, progress):
                yield event
            yield result.of_read(job.tool.name, reading.result())
        finally:
            reading.cancel()

    async def _admitted(self, job: Job, uncount: Uncount) -> Permit:
        """The limits come before the question for a yes: nobody shall agree in vain."""
        try:
            return await self._courier.admit(job.order.attempt.tenant_id, job.dispatch)
        except BaseException:
            uncount()
            raise

    async def _unconfirmed(self, job: Job, uncount: Uncount) -> Result | None:
        missing = await self._confirming.missing(job)
        if missing is None:
            return None
        uncount()
        return result.unconfirmed(job.tool.name, missing)
