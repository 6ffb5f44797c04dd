"""Episodes: what was said or happened, with the two times it is kept by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Kind(IntEnum):
    """Kind of content; the values are those of the contract and of the table."""

    MESSAGE = 1
    EVENT = 2
    SUMMARY = 3
    META_SUMMARY = 4


class Source(IntEnum):
    """Who an episode comes from; the values are those of the contract and of the table."""

    UNKNOWN = 0
    USER = 1
    AGENT = 2
    SYSTEM = 3
    EXTERNAL = 4


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode. Times are aware and in UTC.

    It is true from `occurred_at` until `valid_to` (None: still). `recorded_at` is when memory stored it,
    None before that. `customer_id` is empty when it is about nobody in particular.
    """

    episode_id: str
    session_id: str
    content: str
    occurred_at: datetime
    customer_id: str = ""
    kind: Kind = Kind.MESSAGE
    source: Source = Source.UNKNOWN
    valid_to: datetime | None = None
    recorded_at: datetime | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """An episode that a question found.

    Ranks count from 1; 0 says that the list did not hold it. Only the order of scores has meaning.
    """

    episode: Episode
    score: float
    vector_rank: int
    lexical_rank: int


def group_id(tenant: str, session_id: str) -> str:
    """The group an episode is kept and deleted with; unambiguous because ids hold no colon."""
    return f"{tenant}:{session_id}"
