"""kill -9 of the toolbox between the lines of one refund: before it reserves until its caller has the answer.

What the ledger may say then, and what the shop may have paid, is the table; nothing is ever paid twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from focal.turn.v1 import turn_pb2
from tests.chaos.harness.customers import Customer, Saying
from tests.chaos.harness.evidence import Evidence
from tests.chaos.harness.gates import Gate
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.scenes import Crash, asked, before_the_yes, kept, paid, refunds

TOOLBOX = "toolbox"
SHOP_WORKS_MS = 1500


@dataclass(frozen=True)
class Line:
    """Where the toolbox dies: `die` says yes for the customer, kills, and returns what they said. The refund
    is then DONE, or in doubt, and the shop has paid it or not.
    """

    name: str
    die: Callable[[Rig, Crash, Customer], Awaitable[Saying]]
    state: str
    payments: int

    def __str__(self) -> str:
        return self.name


def _at(gate: Gate, *, happens: bool) -> Callable[[Rig, Crash, Customer], Awaitable[Saying]]:
    """Die while a statement waits at a gate, which `happens` all the same or never does."""

    async def die(rig: Rig, crash: Crash, who: Customer) -> Saying:
        async with rig.closed(gate) as closed:
            yes = await who.say("Yes, please.")
            await closed.reached()
            crash.kill(TOOLBOX)
            if not happens:
                await closed.abort()
        return yes

    return die


async def _before_the_payment(rig: Rig, crash: Crash, who: Customer) -> Saying:
    await rig.shop.refunds_take(before_ms=SHOP_WORKS_MS)
    yes = await who.say("Yes, please.")
    await asked(rig)
    crash.kill(TOOLBOX)
    return yes


async def _before_the_answer(rig: Rig, crash: Crash, who: Customer) -> Saying:
    await rig.shop.refunds_take(after_ms=SHOP_WORKS_MS)
    yes = await who.say("Yes, please.")
    await paid(rig, who.order)
    crash.kill(TOOLBOX)
    return yes


LINES: Sequence[Line] = (
    Line("before it reserved", _at(Gate.RESERVE, happens=False), "DONE", 1),
    Line("after it reserved, before it sent", _at(Gate.RESERVED, happens=True), "IN_DOUBT", 0),
    Line("after it sent, before the shop paid", _before_the_payment, "IN_DOUBT", 1),
    Line("after the shop paid, before it answered", _before_the_answer, "IN_DOUBT", 1),
    Line("after the answer, before it recorded", _at(Gate.CONCLUDE, happens=False), "IN_DOUBT", 1),
    Line("after it recorded, before its caller knew", _at(Gate.CONCLUDE, happens=True), "DONE", 1),
)


async def die_at(rig: Rig, crash: Crash, line: Line) -> Evidence:
    """Play one death to its end: the customer is answered, every promise is kept, and the table holds. Where
    the toolbox settles doubts by itself, what was paid may be DONE already.
    """
    return await die_before(rig, crash, line, await before_the_yes(rig))


async def die_before(rig: Rig, crash: Crash, line: Line, ada: Customer) -> Evidence:
    """The same for a customer whose refund is one word away."""
    yes = await line.die(rig, crash, ada)
    turn = await crash.answered(ada, yes)
    assert turn.status == turn_pb2.TURN_STATUS_COMPLETE
    if line.payments:
        await paid(rig, ada.order)
    evidence = await kept(rig, ada)
    allowed = {line.state, "DONE"} if line.payments else {line.state}
    assert len(refunds(evidence)) == 1
    assert set(refunds(evidence)) <= allowed, refunds(evidence)
    assert len(evidence.refunds) == line.payments
    says_paid = "have refunded" in turn.reply[0].text
    assert says_paid or line.state == "IN_DOUBT", turn.reply
    assert not says_paid or line.payments, turn.reply
    await rig.shop.refunds_take()
    return evidence
