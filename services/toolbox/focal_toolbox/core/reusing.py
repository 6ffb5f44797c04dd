"""Uses a result of a PURE call again while it is fresh, and asks once for many who want the same now.

The age of a result counts from its request and is judged when it is used, by the definition of the tool that
is called then. A session whose effects changed after that request, or are still open, asks the provider anew:
what it reads after a write is never what was read before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import cachetools

from focal_kernel.clock import Clock
from focal_kernel.errors import Unavailable
from focal_service_kit import logging
from focal_toolbox.core.admission import Permit
from focal_toolbox.core.delivering import Courier, Plan
from focal_toolbox.core.following import follow
from focal_toolbox.core.preparing import Job
from focal_toolbox.core.runs import Runs
from focal_toolbox.domain import reads, result
from focal_toolbox.domain.answer import Delivery, Verdict
from focal_toolbox.domain.reads import KeptRead, Writes
from focal_toolbox.domain.result import Event, Started
from focal_toolbox.ports.writes import SessionWrites

OVERHEAD_BYTES = 1024
"""What an entry counts beyond its result, so that tiny ones are bounded too."""

_log = logging.get("reads")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of all kept results together, and of the largest that is kept."""

    bytes: int
    result_bytes: int


@dataclass(frozen=True, slots=True)
class _Flight:
    """A read under way; `began` carries no result yet."""

    began: KeptRead
    task: asyncio.Task[tuple[Delivery, KeptRead]]


class Reuse:
    """The results that this process keeps, and the reads under way that others may share."""

    def __init__(
        self, writes: SessionWrites, courier: Courier, runs: Runs, clock: Clock, limits: Limits
    ) -> None:
        self._writes = writes
        self._courier = courier
        self._runs = runs
        self._clock = clock
        self._limits = limits
        self._kept: cachetools.LRUCache[str, KeptRead] = cachetools.LRUCache(limits.bytes, getsizeof=_size)
        self._flights: dict[str, _Flight] = {}

    async def writes(self, job: Job) -> Writes | None:
        """What the job's session has done; None when nothing may be used again because an effect of it is
        open, or because the ledger cannot be asked.
        """
        attempt = job.order.attempt
        try:
            writes = await self._writes.of(attempt.tenant_id, attempt.session_id)
        except Unavailable as away:
            _log.warning("ledger is away, so nothing is read from memory", error=away.message)
            return None
        return None if writes.open else writes

    def kept(self, job: Job, writes: Writes) -> KeptRead | None:
        """The result that answers the call without asking anybody, if there is one."""
        kept = self._kept.get(_key(job))
        return kept if kept is not None and self._usable(kept, job, writes) else None

    async def read(self, job: Job, plan: Plan, writes: Writes, permit: Permit) -> AsyncGenerator[Event, None]:
        """Events of the call; its result is CACHED unless this very call asked the provider. Another may have
        asked since `kept` was, while this one waited for its permit.
        """
        if kept := self.kept(job, writes):
            yield result.of_kept(job.tool.name, kept)
            return
        key = _key(job)
        flight = self._flights.get(key)
        if flight is not None and self._usable(flight.began, job, writes):
            yield Started(job.tool.name)
            delivery, read = await asyncio.shield(flight.task)
            shared = delivery.answer.verdict is Verdict.DONE
            yield result.of_kept(job.tool.name, read) if shared else result.of_read(job.tool.name, delivery)
            return
        progress: asyncio.Queue[Event] = asyncio.Queue()
        flight = self._take_off(key, job, plan, writes, permit, progress)
        yield Started(job.tool.name)
        async for event in follow(flight.task, progress):
            yield event
        yield result.of_read(job.tool.name, flight.task.result()[0])

    def _usable(self, read: KeptRead, job: Job, writes: Writes) -> bool:
        fresh = read.fresh(self._clock.monotonic(), job.tool.fresh_s)
        return fresh and writes.before(read.began_at)

    def _take_off(
        self, key: str, job: Job, plan: Plan, writes: Writes, permit: Permit, progress: asyncio.Queue[Event]
    ) -> _Flight:
        """Ask in a run of its own: the others shall have their answer although the first caller leaves."""
        now = self._clock.now()
        began = KeptRead("", began_at=writes.at, began_s=self._clock.monotonic(), read_at=now)
        task = self._runs.start(f"read {job.tool.name}", self._fly(key, job, plan, began, permit, progress))
        flight = self._flights[key] = _Flight(began, task)
        task.add_done_callback(lambda _: self._land(key, flight))
        return flight

    async def _fly(
        self,
        key: str,
        job: Job,
        plan: Plan,
        began: KeptRead,
        permit: Permit,
        progress: asyncio.Queue[Event],
    ) -> tuple[Delivery, KeptRead]:
        delivery = await self._courier.deliver(job.dispatch, plan, progress.put_nowait, permit)
        text = delivery.answer.result_json
        read = KeptRead(text, began.began_at, began.began_s, read_at=self._clock.now())
        if delivery.answer.verdict is Verdict.DONE and self._fits(read):
            self._keep(key, read)
        return delivery, read

    def _fits(self, read: KeptRead) -> bool:
        size = _size(read)
        return size - OVERHEAD_BYTES <= self._limits.result_bytes and size <= self._limits.bytes

    def _keep(self, key: str, read: KeptRead) -> None:
        """Unless one that began later has overtaken it."""
        earlier = self._kept.get(key)
        if earlier is None or earlier.began_s <= read.began_s:
            self._kept[key] = read

    def _land(self, key: str, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


def _key(job: Job) -> str:
    return reads.key(job.order.attempt, job.tool, job.arguments)


def _size(kept: KeptRead) -> int:
    return OVERHEAD_BYTES + len(kept.result_json.encode())
