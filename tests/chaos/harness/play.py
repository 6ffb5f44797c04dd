"""Plays a seed: customers talk while faults strike; then quiet, then the verdict."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from focal_cli.local import errors
from tests.chaos.harness import plans, verdict
from tests.chaos.harness.customers import Customer
from tests.chaos.harness.evidence import Evidence
from tests.chaos.harness.plans import Fault, Habit, Kind, Moment, Plan
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.verdict import Violation
from tests.fakes.until import until

MOMENT_WITHIN_S = 2.0
YES = "Yes, please."


@dataclass
class Outcome:
    """What blows came to. `healed_s`: from the last blow's end to quiet, in seconds."""

    evidence: Evidence
    violations: Sequence[Violation]
    healed_s: float
    struck: Sequence[str] = field(default_factory=list)

    @property
    def paid(self) -> int:
        """Refunds that the shop paid."""
        return len(self.evidence.refunds)

    @property
    def doubtful(self) -> int:
        """Refunds in doubt."""
        return sum(effect.state == "IN_DOUBT" for effect in self.evidence.effects)

    @property
    def crashed_attempts(self) -> int:
        """Committed turns that needed more than one attempt: evidence that the faults struck turns."""
        return sum(turn.attempt > 1 for turn in self.evidence.committed)

    @property
    def failed_turns(self) -> int:
        """Turns that ended with the error policy's answer."""
        return sum(turn.status == "FAILED" for turn in self.evidence.committed)


async def play(rig: Rig, plan: Plan) -> Outcome:
    """Play a plan to its end; AssertionError when quiet does not come."""
    await rig.all_ready()
    chance = random.Random(plan.seed)
    await rig.shop.refunds_take(before_ms=plan.refund_ms[0], after_ms=plan.refund_ms[1])
    people: list[Customer] = []
    over = asyncio.Event()
    struck: list[str] = []

    def customer() -> Customer:
        people.append(rig.customer(gateway=chance.choice(plans.GATEWAYS)))
        return people[-1]

    async with asyncio.TaskGroup() as group:
        for _ in range(plan.streams):
            group.create_task(_come_and_go(customer, random.Random(chance.random()), over))
        for _ in range(plan.askers):
            group.create_task(_asks(customer(), random.Random(chance.random()), over))
        ended_at = await _strike(rig, plan.faults, people, struck)
        over.set()
    await rig.all_ready()
    await rig.quiet(people)
    healed_s = time.monotonic() - ended_at
    await rig.shop.refunds_take()
    evidence = await rig.evidence(people)
    return Outcome(evidence, verdict.violations(evidence), healed_s, struck)


async def _strike(rig: Rig, faults: Sequence[Fault], people: Sequence[Customer], struck: list[str]) -> float:
    """Strike blow after blow; returns when the last one was over."""
    for fault in faults:
        await asyncio.sleep(fault.pause_s)
        await rig.ready(fault.process)
        with suppress(AssertionError):  # a moment that does not come is a blow without a moment
            await MOMENTS[fault.moment](rig, people)
        with suppress(errors.NotRunning):
            if fault.kind is Kind.KILL:
                rig.kill(fault.process)
            else:
                async with rig.frozen(fault.process):
                    await asyncio.sleep(fault.lasts_s)
            struck.append(str(fault))
    return time.monotonic()


async def _come_and_go(customer: Callable[[], Customer], chance: random.Random, over: asyncio.Event) -> None:
    while not over.is_set():
        await HABITS[chance.choice(list(Habit))](customer(), chance)


async def _returns(who: Customer, chance: random.Random, *, repeat: int = 1) -> None:
    await who.ask(f"I'd like to return order {who.order}, it arrived broken.")
    await _thinks(chance)
    yes = await who.say(YES, repeat=repeat)
    await who.answer(yes)
    await who.ask("Thank you!")


async def _returns_hastily(who: Customer, chance: random.Random) -> None:
    await _returns(who, chance, repeat=3)


async def _returns_restlessly(who: Customer, chance: random.Random) -> None:
    await who.ask(f"I'd like to return order {who.order}, it arrived broken.")
    await _thinks(chance)
    yes = await who.say(YES)
    await asyncio.sleep(chance.uniform(0, 0.6))
    question = await who.say("How long does the refund take?")
    await who.answer(yes)
    await who.answer(question)


async def _bursts(who: Customer, chance: random.Random) -> None:
    for _ in range(3):
        said = [await who.say(text.format(order=who.order)) for text in chance.sample(plans.QUESTIONS, 3)]
        for saying in said:
            await who.answer(saying)


async def _changes_mind(who: Customer, chance: random.Random) -> None:
    for _ in range(2):
        first = await who.say(f"Please trace my parcel, order {who.order}.")
        await asyncio.sleep(chance.uniform(0, 1))
        second = await who.say("Sorry, I meant order 10004. Please trace that parcel.")
        await who.answer(first)
        await who.answer(second)


async def _asks(who: Customer, chance: random.Random, over: asyncio.Event) -> None:
    while not over.is_set():
        await who.ask(chance.choice(plans.QUESTIONS).format(order=who.order))
        await _thinks(chance)


async def _thinks(chance: random.Random) -> None:
    await asyncio.sleep(chance.uniform(0.05, 0.8))


HABITS: dict[Habit, Callable[[Customer, random.Random], Awaitable[None]]] = {
    Habit.RETURN: _returns,
    Habit.HASTY_RETURN: _returns_hastily,
    Habit.RESTLESS_RETURN: _returns_restlessly,
    Habit.BURST: _bursts,
    Habit.MIND_CHANGER: _changes_mind,
}


async def _at_once(rig: Rig, people: Sequence[Customer]) -> None:
    """No moment to wait for."""


async def _asked(rig: Rig, people: Sequence[Customer]) -> None:
    await until(rig.shop.in_flight, "a refund asked for", MOMENT_WITHIN_S)


async def _paid(rig: Rig, people: Sequence[Customer]) -> None:
    orders = {who.order for who in people}
    before = len(rig.till.refunds(orders))
    await until(lambda: len(rig.till.refunds(orders)) > before, "a refund paid", MOMENT_WITHIN_S)


def _more(query: str) -> Callable[[Rig, Sequence[Customer]], Awaitable[None]]:
    """Waits until a count has grown."""

    async def wait(rig: Rig, people: Sequence[Customer]) -> None:
        before = (await rig.row(query)).get("n", 0)

        async def grown() -> bool:
            return (await rig.row(query)).get("n", 0) > before

        await until(grown, query, MOMENT_WITHIN_S)

    return wait


MOMENTS: dict[Moment, Callable[[Rig, Sequence[Customer]], Awaitable[None]]] = {
    Moment.NOW: _at_once,
    Moment.STORED: _more("SELECT count(*) AS n FROM turns.messages"),
    Moment.RUNNING: _more("SELECT sum(epoch)::bigint AS n FROM turns.sessions"),
    Moment.COMMITTED: _more("SELECT sum(turn_count)::bigint AS n FROM turns.sessions"),
    Moment.ASKED: _asked,
    Moment.PAID: _paid,
}
