"""What a seed stands for: who says what, and which process suffers what at which moment.

A seed fixes the plan, not the interleaving: two runs of one seed crash the same processes at the
same moments of the same conversations, as far as the machine's timing allows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

GATEWAYS = ("turn_gateway", "turn_gateway-2")
FAULTS = 7
STREAMS, ASKERS = 6, 2
LONGEST_PAUSE_S = 1.2
REFUND_MS = (0, 300, 900)
FROZEN_S = (0.5, 4.5)  # the longer ones outlast every lease

# Who is named more often is struck more often.
HEART = (*GATEWAYS, *GATEWAYS, "pipeline", "toolbox")
FROZEN = (*HEART, "valkey")
VICTIMS = (*HEART, *HEART, "postgres", "postgres", "valkey", "memory", "config_watcher")

QUESTIONS = (
    "What are your opening hours?",
    "Hello!",
    "What is the return policy?",
    "Where is my order {order}?",
    "Who pays the return postage?",
    "Thanks a lot!",
)


class Kind(StrEnum):
    """What happens to a process."""

    KILL = "kill -9"
    FREEZE = "freeze"


class Moment(StrEnum):
    """What a fault waits for, for a while, before it strikes."""

    NOW = "at once"
    STORED = "a message stored"
    RUNNING = "a turn running"
    ASKED = "a refund asked for"
    PAID = "a refund paid"
    COMMITTED = "a turn committed"


@dataclass(frozen=True)
class Fault:
    """One blow. `pause_s` passes before it looks for its moment; `lasts_s` is how long a freeze takes."""

    kind: Kind
    process: str
    moment: Moment
    pause_s: float
    lasts_s: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.lasts_s:.1f} s" if self.kind is Kind.FREEZE else ""
        return f"{self.kind} {self.process}{lasting}, {self.moment}"


class Habit(StrEnum):
    """How a customer goes about it."""

    RETURN = "returns an order step by step"
    HASTY_RETURN = "returns an order and says yes several times with one request id"
    RESTLESS_RETURN = "asks something else while the refund is paid"
    BURST = "writes in bursts"
    MIND_CHANGER = "writes again while the answer is being made"


@dataclass(frozen=True)
class Plan:
    """While the faults strike, `streams` of customers come one after the other, each with a habit drawn from
    the seed, and `askers` keep one conversation going. The shop takes `refund_ms` before and after it pays.
    """

    seed: int
    faults: Sequence[Fault]
    refund_ms: tuple[int, int]
    streams: int = STREAMS
    askers: int = ASKERS


def of_seed(seed: int) -> Plan:
    """The plan of a seed."""
    chance = random.Random(seed)
    refund_ms = (chance.choice(REFUND_MS), chance.choice(REFUND_MS))
    return Plan(seed, [_fault(chance) for _ in range(FAULTS)], refund_ms)


def _fault(chance: random.Random) -> Fault:
    pause_s = chance.uniform(0.1, LONGEST_PAUSE_S)
    moment = chance.choice(list(Moment))
    if chance.random() < 0.3:
        return Fault(Kind.FREEZE, chance.choice(FROZEN), moment, pause_s, chance.uniform(*FROZEN_S))
    return Fault(Kind.KILL, chance.choice(VICTIMS), moment, pause_s)
