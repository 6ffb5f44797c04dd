"""Carries out several calls of one attempt, side by side where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from focal_kernel.errors import FieldViolation
from focal_toolbox import errors
from focal_toolbox.core.executing import Execution
from focal_toolbox.core.following import follow
from focal_toolbox.core.preparing import Preparation
from focal_toolbox.domain import batch, result
from focal_toolbox.domain.batch import Step
from focal_toolbox.domain.order import Order
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Event, Result
from focal_toolbox.ports.meter import Meter

Tagged = tuple[int, Event]


class Batch:
    """Each call is an Execution of its own; `max_calls` of them at most."""

    def __init__(self, execution: Execution, preparation: Preparation, meter: Meter, max_calls: int) -> None:
        self._execution = execution
        self._preparation = preparation
        self._meter = meter
        self._max_calls = max_calls

    async def execute(self, steps: Sequence[Step]) -> AsyncGenerator[Tagged, None]:
        """Events with the position of their call; every call ends with its Result.

        Raises BadRequest before anything begins, and what `Execution.execute` raises: then no further call
        begins, and effects that are under way are finished.
        """
        self._check(steps)
        policies = [await self._policy(step.order) for step in steps]
        events: asyncio.Queue[Tagged] = asyncio.Queue()
        course = _Course(steps, policies)
        working = asyncio.create_task(self._all(course, events.put_nowait), name=f"batch of {len(steps)}")
        try:
            async for tagged in follow(working, events):
                yield tagged
            working.result()
        finally:
            working.cancel()

    def _check(self, steps: Sequence[Step]) -> None:
        if not 1 <= len(steps) <= self._max_calls:
            raise _bad("calls", f"must be 1 to {self._max_calls}, are {len(steps)}")
        for number, step in enumerate(steps):
            if any(not 0 <= earlier < number for earlier in step.after):
                raise _bad(f"calls[{number}].after", "must be positions of earlier calls, from 0")
            with errors.located("call.", f"calls[{number}]."):
                self._preparation.arguments(step.order)

    async def _policy(self, order: Order) -> Policy:
        """A call that will be refused for its tool changes nothing, so nothing has to wait for it."""
        try:
            return (await self._preparation.tool(order)).policy
        except errors.Refusal:
            return Policy.PURE

    async def _all(self, course: _Course, emit: Callable[[Tagged], None]) -> None:
        try:
            async with asyncio.TaskGroup() as together:
                for number in range(len(course.steps)):
                    together.create_task(self._one(number, course, emit), name=f"call {number} of a batch")
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _one(self, number: int, course: _Course, emit: Callable[[Tagged], None]) -> None:
        order = course.steps[number].order
        if refusal := await course.turn(number):
            last: Event = result.refused(order.tool_name, refusal)
            self._meter.executed(order.attempt.tenant_id, course.policies[number], result.Status.REFUSED, 0.0)
            emit((number, last))
        else:
            async with aclosing(self._execution.execute(order)) as events:
                async for last in events:
                    emit((number, last))
        if not isinstance(last, Result):
            raise AssertionError("a call ends with its result")
        course.end(number, last)


class _Course:
    """How far a batch has come."""

    def __init__(self, steps: Sequence[Step], policies: Sequence[Policy]) -> None:
        self.steps = steps
        self.policies = policies
        self._waits = batch.waits(steps, policies)
        self._ends = [asyncio.Event() for _ in steps]
        self._results: dict[int, Result] = {}
        self._stopped_by: int | None = None

    async def turn(self, number: int) -> errors.Refusal | None:
        """Wait until a call may begin, or tell why it does not."""
        for earlier in self._waits[number]:
            await self._ends[earlier].wait()
        return batch.refusal(self.steps[number], self._results, self._stopped_by)

    def end(self, number: int, found: Result) -> None:
        """Note a call's end and wake those that wait for it."""
        self._results[number] = found
        if self.steps[number].critical and found.status in batch.FAILED and self._stopped_by is None:
            self._stopped_by = number
        self._ends[number].set()


def _bad(field: str, description: str) -> errors.BadRequest:
    return errors.BadRequest(FieldViolation(field, description))
