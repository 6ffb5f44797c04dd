from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from focal_kernel.errors import Unavailable
from focal_toolbox import errors
from focal_toolbox.core.receiving import UNFORESEEN, Receiving
from focal_toolbox.core.reporting import Reporting
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.report import Report, new_token
from focal_toolbox.ports.reports import Arrival
from tests.fakes.toolbox.meters import CountingReportMeter
from tests.fakes.until import until

AWAY = Unavailable("DEPENDENCY_UNAVAILABLE", "away")
DONE = Report(State.DONE, "1")


@dataclass
class Queue:
    """A ReportQueue of a list; what was taken and not settled is at its front again."""

    waiting: list[Arrival]
    buried: list[tuple[str, str]] = field(default_factory=list)

    async def take(self) -> Sequence[Arrival]:
        await asyncio.sleep(0)
        return list(self.waiting)

    async def settle(self, arrival: Arrival) -> None:
        self.waiting.remove(arrival)

    async def bury(self, arrival: Arrival, reason: str, detail: str) -> None:
        self.waiting.remove(arrival)
        self.buried.append((arrival.entry_id, reason))


@dataclass
class Reports:
    """Answers one by one; an exception among the answers is raised."""

    answers: list[Any]

    async def report(self, token_hash: str, report: Report) -> Effect | None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        found: Effect | None = answer
        return found


@dataclass
class Anything:
    """An effect of which nothing but its id is asked."""

    effect_id: str = "eff_1"
    state: State = State.DONE


def _receiving(queue: Queue, *answers: Any) -> Receiving:
    meter = CountingReportMeter()
    reporting = Reporting(Reports(list(answers)), meter)  # type: ignore[arg-type]
    return Receiving(queue, lambda envelope: (new_token(), DONE), reporting, meter, 0.001)


def _queue(*ids: str) -> Queue:
    return Queue([Arrival(entry_id, b"{}") for entry_id in ids])


async def test_what_the_ledger_cannot_take_now_stays_in_the_queue() -> None:
    queue = _queue("1", "2")
    receiving = _receiving(queue, Anything(), AWAY, Anything())
    with pytest.raises(Unavailable):
        await receiving.once()
    assert [each.entry_id for each in queue.waiting] == ["2"]
    assert (await receiving.once(), queue.waiting, queue.buried) == (1, [], [])


async def test_a_report_that_breaks_us_is_buried_and_the_next_one_recorded() -> None:
    queue = _queue("1", "2", "3")
    assert await _receiving(queue, ZeroDivisionError(), None, Anything()).once() == 3
    assert queue.buried == [("1", UNFORESEEN), ("2", errors.TokenInvalid().reason)]
    assert queue.waiting == []


async def test_receiving_outlives_a_ledger_that_is_away() -> None:
    queue = _queue("1")
    running = asyncio.create_task(_receiving(queue, AWAY, AWAY, Anything()).run())
    await until(lambda: not queue.waiting, "it is recorded")
    running.cancel()
