"""What a provider's side of one request amounts to."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.Enum):
    """What is known about the world after a request."""

    DONE = "done"
    """The provider confirmed the operation."""
    UNCHANGED = "unchanged"
    """It refused, or nothing was sent."""
    UNKNOWN = "unknown"
    """The request, or a part of it, was sent and no clear answer came back."""


NOT_REACHED = frozenset({"timeout", "unreachable"})
"""Reasons for which nothing was sent that speak against the host."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of one request.

    `reason` is a lower-case word such as `timeout`, `http_503` or the provider's own;
    `message` is for people and repeats nothing of a response body. `transient` says that the same
    request may fare better soon, `retry_after_s` how many seconds the provider wants to be left alone before.
    """

    verdict: Verdict
    result_json: str = ""
    reason: str = ""
    message: str = ""
    transient: bool = False
    retry_after_s: float = 0.0

    @property
    def host_failed(self) -> bool:
        """Whether it speaks against the host: no answer, no connection or its own failure. A refusal does
        not, not even one for now.
        """
        return self.transient and (self.verdict is Verdict.UNKNOWN or self.reason in NOT_REACHED)


@dataclass(frozen=True, slots=True)
class Delivery:
    """All requests of one call: the last answer, how many were sent, seconds spent on them."""

    answer: Answer
    requests: int
    seconds: float
