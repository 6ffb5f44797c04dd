"""What the figures of a customer's latest hours say about it (DOMAIN §10): one pure function a detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from focal_turn_gateway.domain.abuse import Cause, Finding, Level, Terms


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom figures are about."""

    tenant_id: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How often something happened to a customer within the detector's window."""

    customer: Customer
    times: int


@dataclass(frozen=True, slots=True)
class Texts:
    """How many messages a customer wrote within the window, and how many different texts those had."""

    customer: Customer
    messages: int
    different: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How many turns a customer opened within the window, and the mean (seconds) and the population variance
    (seconds squared) of the intervals between them.
    """

    customer: Customer
    turns: int
    mean_s: float
    variance_s2: float


@dataclass(frozen=True, slots=True)
class OftenFigures:
    """More than so many times is too often."""

    more_than: int
    level: Level


@dataclass(frozen=True, slots=True)
class SpamFigures:
    """From so many messages on, a share of different texts below `unique_share` is spam."""

    messages: int = 5
    unique_share: float = 0.3
    level: Level = Level.LOW


@dataclass(frozen=True, slots=True)
class BotFigures:
    """From so many turns on, intervals with a mean and a variance below these are no person's."""

    turns: int = 10
    mean_s: float = 5.0
    variance_s2: float = 1.0
    level: Level = Level.MEDIUM


@dataclass(frozen=True, slots=True)
class Suspect:
    """What a detector says."""

    customer: Customer
    level: Level
    cause: Cause
    evidence: Mapping[str, float]

    def finding(self, terms: Terms) -> Finding:
        """What to hold against the customer, for as long as its level holds."""
        return Finding(self.customer.customer_id, self.level, self.cause, terms.of(self.level), self.evidence)


def rate_hits(hits: Counted, figures: OftenFigures = OftenFigures(10, Level.HIGH)) -> Suspect | None:
    """Messages that the customer's own limit refused."""
    if hits.times <= figures.more_than:
        return None
    return Suspect(hits.customer, figures.level, Cause.RATE_HITS, {"rate_hits": hits.times})


def safety_refusals(
    refusals: Counted, figures: OftenFigures = OftenFigures(5, Level.MEDIUM)
) -> Suspect | None:
    """Turns in which the agent refused for safety."""
    if refusals.times <= figures.more_than:
        return None
    return Suspect(
        refusals.customer, figures.level, Cause.SAFETY_REFUSALS, {"safety_refusals": refusals.times}
    )


def spam(texts: Texts, figures: SpamFigures = SpamFigures()) -> Suspect | None:
    """The same few texts again and again."""
    if texts.messages < figures.messages or texts.different >= figures.unique_share * texts.messages:
        return None
    evidence = {"messages": texts.messages, "different": texts.different}
    return Suspect(texts.customer, figures.level, Cause.SPAM, evidence)


def bot(pace: Pace, figures: BotFigures = BotFigures()) -> Suspect | None:
    """Turns faster and more even than a person's."""
    even = pace.mean_s < figures.mean_s and pace.variance_s2 < figures.variance_s2
    if pace.turns < figures.turns or not even:
        return None
    evidence = {"turns": pace.turns, "mean_s": pace.mean_s, "variance_s2": pace.variance_s2}
    return Suspect(pace.customer, figures.level, Cause.BOT, evidence)
