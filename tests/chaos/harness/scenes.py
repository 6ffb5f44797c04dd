"""The parts that crash tests are made of: a customer before the yes, a crash, its healing, the verdict."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from focal.turn.v1 import turn_pb2
from tests.chaos.harness import verdict
from tests.chaos.harness.customers import Customer, Saying
from tests.chaos.harness.evidence import Evidence
from tests.chaos.harness.rig import Rig
from tests.fakes.until import until

QUESTION = "What are your opening hours?"
HEALED_WITHIN_S = 30.0
"""A bound that only a lost wake-up breaks; the measured times are printed."""


@dataclass
class Crash:
    """What is crashed, when, and how long the customer feels it."""

    rig: Rig
    name: str
    recovery_s: dict[str, float]
    at: float = 0.0

    def kill(self, process: str) -> None:
        """kill -9 now."""
        self.now()
        self.rig.kill(process)

    async def kill_postgres(self) -> None:
        """kill -9 of the server; the clock starts when it is back, for until then nobody can do anything."""
        pid = self.rig.mesh.kill("postgres")
        await self.rig.mesh.until_replaced("postgres", pid)
        self.now()

    @asynccontextmanager
    async def freeze(self, process: str) -> AsyncIterator[None]:
        """SIGSTOP now, SIGCONT at the end of the block."""
        self.now()
        async with self.rig.frozen(process):
            yield

    def now(self) -> None:
        """The clock starts."""
        self.at = time.monotonic()

    async def answered(self, who: Customer, saying: Saying) -> turn_pb2.Turn:
        """The customer has the answer; the clock stops."""
        turn = await who.answer(saying)
        self.over()
        return turn

    async def healed(self, *people: Customer) -> None:
        """The mesh has done all work for these customers without any call of theirs; the clock stops."""
        await self.rig.quiet(people)
        self.over()

    def over(self) -> float:
        """The clock stops; seconds that it ran."""
        took_s = time.monotonic() - self.at
        self.recovery_s[self.name] = took_s
        assert took_s < HEALED_WITHIN_S
        return took_s


async def before_the_yes(rig: Rig, gateway: str = "turn_gateway") -> Customer:
    """A customer whose return waits for the yes; the refund is one word away."""
    customer = rig.customer(gateway=gateway)
    turn = await customer.ask(f"I'd like to return order {customer.order}, it arrived broken.")
    assert "Shall I refund" in turn.reply[0].text, turn
    return customer


async def kept(rig: Rig, *people: Customer) -> Evidence:
    """Wait until all is quiet, then hold the databases to the promises."""
    await rig.all_ready()
    await rig.quiet(people)
    evidence = await rig.evidence(people)
    assert verdict.violations(evidence) == []
    return evidence


def refunds(evidence: Evidence) -> Sequence[str]:
    """States of the refunds in the ledger, in order of reservation."""
    return [effect.state for effect in evidence.effects if effect.tool_name == verdict.REFUND]


async def asked(rig: Rig) -> None:
    """Wait until the shop has a refund request that it has not answered."""
    await until(rig.shop.in_flight, "a refund in flight", 15)


async def paid(rig: Rig, order: str) -> None:
    """Wait until the shop has paid."""
    await until(lambda: rig.till.refunds({order}), f"order {order} paid", 15)


async def attempted(rig: Rig, saying: Saying, attempt: int, timeout_s: float = 20) -> None:
    """Wait until the turn that runs for an acknowledged saying is in this attempt, or a later one."""
    query = """
        SELECT coalesce(max(t.attempt), 0)::integer AS attempt
        FROM turns.sessions s JOIN turns.turns t ON t.turn_id = s.open_turn_id WHERE s.session_id = $1
    """
    session_id = saying.acknowledged[0].session_id

    async def reached() -> bool:
        return (await rig.row(query, session_id)).get("attempt", 0) >= attempt

    await until(reached, f"attempt {attempt}", timeout_s)


async def fenced(rig: Rig, saying: Saying) -> None:
    """Wait until the attempt that runs now has raised the session's fence."""
    query = """
        SELECT count(*)::integer AS raised FROM turns.sessions s
        JOIN effects.fences f USING (session_id) WHERE s.session_id = $1 AND f.epoch = s.epoch
        AND s.epoch > 1
    """
    session_id = saying.acknowledged[0].session_id

    async def raised() -> bool:
        return bool((await rig.row(query, session_id)).get("raised"))

    await until(raised, "the fence raised", 20)
