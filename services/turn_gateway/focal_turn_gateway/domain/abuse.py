"""What is held against a customer, and what follows from it (DOMAIN §10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from focal_turn_gateway import errors

LONGEST_HOURS = 8784
"""A leap year; for longer there is `permanent`."""


class Level(StrEnum):
    """How grave it is."""

    LOW = "LOW"
    """Watched: an event says so."""
    MEDIUM = "MEDIUM"
    """Restricted: fewer messages a minute."""
    HIGH = "HIGH"
    """Blocked for a while."""
    CRITICAL = "CRITICAL"
    """Blocked until a person lifts it, who is told."""

    @property
    def blocks(self) -> bool:
        """Whether messages are refused."""
        return self in (Level.HIGH, Level.CRITICAL)


class Cause(StrEnum):
    """What found it."""

    OPERATOR = "OPERATOR"
    RATE_HITS = "RATE_HITS"
    SAFETY_REFUSALS = "SAFETY_REFUSALS"
    SPAM = "SPAM"
    BOT = "BOT"


@dataclass(frozen=True, slots=True)
class Terms:
    """Hours that a level holds; CRITICAL holds until it is lifted."""

    low_h: float = 24
    medium_h: float = 24
    high_h: float = 24

    def of(self, level: Level) -> float | None:
        """Hours of a level, None for no end."""
        return {Level.LOW: self.low_h, Level.MEDIUM: self.medium_h, Level.HIGH: self.high_h}.get(level)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to hold against a customer for `hours`, None for no end. `noted_by` is empty for what a
    detector found by the figures in `evidence`.
    """

    customer_id: str
    level: Level
    cause: Cause
    hours: float | None
    evidence: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    noted_by: str = ""


@dataclass(frozen=True, slots=True)
class Abuse:
    """A stored finding; `until` is None when it does not end by itself."""

    abuse_id: str
    customer_id: str
    level: Level
    cause: Cause
    evidence: Mapping[str, float]
    reason: str
    noted_by: str
    since: datetime
    until: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: str = ""
    lift_reason: str = ""


@dataclass(frozen=True, slots=True)
class AbuseFilter:
    """Which entries to list; empty and None choose all."""

    customer_id: str = ""
    level: Level | None = None
    cause: Cause | None = None
    holding: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What admission has to know of one of a customer's addresses: `customer_hash` as it enters keys, and how
    many more seconds it is blocked and restricted, 0 when it is not.
    """

    tenant_id: str
    customer_hash: str
    blocked_s: float = 0.0
    restricted_s: float = 0.0


def decided(
    customer_id: str, level: Level | None, hours: int, *, permanent: bool, reason: str, by: str, terms: Terms
) -> Finding:
    """What a person decides about a customer: HIGH when no level is named, for the level's hours when `hours`
    is 0. Raises InvalidField.
    """
    level = level or Level.HIGH
    if level is Level.LOW:
        raise errors.InvalidField("level", "MEDIUM, HIGH or CRITICAL: LOW has no consequence")
    if not 0 <= hours <= LONGEST_HOURS:
        raise errors.InvalidField("hours", f"0 to {LONGEST_HOURS}")
    if hours and (permanent or level is Level.CRITICAL):
        raise errors.InvalidField("hours", "not with permanent or CRITICAL, which have no end")
    lasts = None if permanent else (float(hours) or terms.of(level))
    return Finding(customer_id, level, Cause.OPERATOR, lasts, reason=reason, noted_by=by)
