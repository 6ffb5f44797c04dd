"""Carries out PURE calls: no ledger, and given up with the caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from focal_toolbox.core.delivering import Courier, Plan
from focal_toolbox.core.following import follow
from focal_toolbox.core.preparing import Job
from focal_toolbox.core.reusing import Reuse
from focal_toolbox.domain import result
from focal_toolbox.domain.result import Event, Started


class Reading:
    """Asks the provider, unless the tool says how long an answer is fresh and there is one."""

    def __init__(self, courier: Courier, reuse: Reuse) -> None:
        self._courier = courier
        self._reuse = reuse

    async def carry_out(self, job: Job, plan: Plan) -> AsyncGenerator[Event, None]:
        """Events of the call; raises nothing of its own."""
        if job.tool.fresh_s and (writes := await self._reuse.writes(job)) is not None:
            async with aclosing(self._reuse.read(job, plan, writes)) as events:
                async for event in events:
                    yield event
            return
        yield Started(job.tool.name)
        progress: asyncio.Queue[Event] = asyncio.Queue()
        reading = asyncio.create_task(
            self._courier.deliver(job.dispatch, plan, progress.put_nowait), name=f"read {job.tool.name}"
        )
        try:
            async for event in follow(reading, progress):
                yield event
            yield result.of_read(job.tool.name, reading.result())
        finally:
            reading.cancel()
