"""Fault points: every boundary between two steps of a turn, and what may be crashed there, when.

The table is engine-neutral. The engine `postgres` keeps leases, epochs and what is left to do in the
server, so there killing the engine means killing PostgreSQL.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from focal.turn.v1 import turn_pb2
from tests.chaos.harness.customers import Customer, Saying
from tests.chaos.harness.evidence import Evidence
from tests.chaos.harness.gates import Closed, Gate
from tests.chaos.harness.rig import GATEWAYS, Rig
from tests.chaos.harness.scenes import QUESTION, Crash, attempted, before_the_yes, kept, refunds

GATEWAY = GATEWAYS[0]
SECOND = 1


class Moment(StrEnum):
    """When the blow falls, seen from the statement that ends a step."""

    BEFORE = "before"
    """The statement never happens."""
    UNRECORDED = "done but unrecorded"
    """The statement is committed, and the process that asked for it never hears of it."""
    AFTER = "after"
    """The statement is committed and its process goes on, then the blow falls."""


class Victim(StrEnum):
    """What is killed, with SIGKILL."""

    GATEWAY = "gateway"
    ENGINE = "engine"
    BOTH = "both"


@dataclass(frozen=True)
class Boundary:
    """The end of one step. `arrive` takes a new customer there; it closes the gate by the function it is
    given, once nothing but the step is left to do.
    """

    gate: Gate
    arrive: Callable[[Rig, Callable[[], Awaitable[Closed]]], Awaitable[Arrived]]


@dataclass(frozen=True)
class Arrived:
    """A customer at a boundary: `saying` is acknowledged at some time, maybe only after the crash."""

    who: Customer
    saying: Awaitable[Saying]
    closed: Closed


@dataclass(frozen=True)
class Cell:
    """One crash: this victim, at this moment of this boundary."""

    boundary: Boundary
    moment: Moment
    victim: Victim

    def __str__(self) -> str:
        return f"{self.boundary.gate.name}, {self.moment}, {self.victim}"

    async def strike(self, arrived: Arrived, crash: Crash) -> None:
        """Let the blow fall on a customer who has arrived; returns when the gate is open again."""
        if self.moment is Moment.AFTER:
            await arrived.closed.open()
            await arrived.closed.passed()
        elif self.victim is not Victim.GATEWAY and self.moment is Moment.UNRECORDED:
            await arrived.closed.open()  # nothing commits on a server that is dead
        if self.victim is not Victim.ENGINE:
            crash.kill(GATEWAY)
        if self.victim is not Victim.GATEWAY:
            await crash.kill_postgres()
        elif self.moment is Moment.BEFORE:
            await arrived.closed.abort()


async def _asks(rig: Rig, close: Callable[[], Awaitable[Closed]]) -> Arrived:
    who = rig.customer()
    closed = await close()
    return Arrived(who, who.begin(QUESTION), closed)


async def _says_yes(rig: Rig, close: Callable[[], Awaitable[Closed]]) -> Arrived:
    who = await before_the_yes(rig)
    closed = await close()
    return Arrived(who, who.begin("Yes, please."), closed)


async def _changes_mind(rig: Rig, close: Callable[[], Awaitable[Closed]]) -> Arrived:
    who = rig.customer()
    first = await who.say(f"Please trace my parcel, order {who.order}.")
    await attempted(rig, first, 1)
    closed = await close()
    return Arrived(who, who.begin("Sorry, I meant order 10004. Please trace that parcel."), closed)


BOUNDARIES: Sequence[Boundary] = (
    Boundary(Gate.MESSAGE, _asks),
    Boundary(Gate.CLAIM, _asks),
    Boundary(Gate.OPEN, _asks),
    Boundary(Gate.DECIDED, _changes_mind),
    Boundary(Gate.FENCE, _changes_mind),
    Boundary(Gate.PLAN, _says_yes),
    Boundary(Gate.RESERVE, _says_yes),
    Boundary(Gate.CONCLUDE, _says_yes),
    Boundary(Gate.COMMIT, _says_yes),
    Boundary(Gate.DELIVERED, _asks),
)


@asynccontextmanager
async def arriving(rig: Rig, boundary: Boundary) -> AsyncIterator[Arrived]:
    """A new customer at the boundary, its statement waiting at the closed gate; at the end it is open."""
    async with AsyncExitStack() as stack:
        arrived = await boundary.arrive(rig, lambda: stack.enter_async_context(rig.closed(boundary.gate)))
        await arrived.closed.reached()
        yield arrived


async def crash_at(rig: Rig, crash: Crash, cell: Cell) -> Evidence:
    """Play one crash to its end: the customer is answered and every promise is kept, or AssertionError."""
    async with arriving(rig, cell.boundary) as arrived:
        await cell.strike(arrived, crash)
    return await _answered(rig, crash, arrived)


async def freeze_at(rig: Rig, crash: Crash, boundary: Boundary) -> Evidence:
    """As `crash_at`, but the gateway is frozen until another one has answered, then it thaws."""
    async with arriving(rig, boundary) as arrived, crash.freeze(GATEWAY):
        await arrived.closed.open()
        arrived.who.gateway = SECOND
        await crash.answered(arrived.who, await arrived.saying)
    return await _answered(rig, crash, arrived)


async def _answered(rig: Rig, crash: Crash, arrived: Arrived) -> Evidence:
    turn = await crash.answered(arrived.who, await arrived.saying)
    assert turn.status == turn_pb2.TURN_STATUS_COMPLETE
    evidence = await kept(rig, arrived.who)
    # One refund at most, whatever struck; the verdict has held the ledger against the shop's own books.
    assert refunds(evidence) in ([], ["DONE"], ["IN_DOUBT"])
    return evidence


def every_cell() -> Iterator[Cell]:
    """All boundaries at all moments with all victims."""
    return itertools.starmap(Cell, itertools.product(BOUNDARIES, Moment, Victim))


def a_few() -> Iterator[Cell]:
    """One crash at each boundary; among them every moment with every victim."""
    combinations = itertools.cycle(itertools.product(Moment, Victim))
    return (
        Cell(boundary, *combination) for boundary, combination in zip(BOUNDARIES, combinations, strict=False)
    )
