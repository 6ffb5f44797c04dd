"""How many messages may come in, and what became of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whether a message may come in, or whose limit is used up."""

    ADMITTED = "ADMITTED"
    TENANT = "TENANT"
    CUSTOMER = "CUSTOMER"
    BLOCKED = "BLOCKED"


@dataclass(frozen=True, slots=True)
class Rates:
    """Messages per window: of a tenant, of one customer on one channel, of a restricted one; 0: no limit."""

    tenant: int
    customer: int
    restricted: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a window leaves: the limit that counted, how many are left of it, seconds until the
    first of those that count is forgotten, and for a refused message the seconds until one has room again.
    """

    verdict: Verdict
    limit: int
    remaining: int
    reset_s: float
    retry_after_s: float
