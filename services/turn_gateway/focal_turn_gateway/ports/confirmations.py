"""Questions that tool calls wait for, kept by the toolbox."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from focal_turn_gateway.domain.answers import Answer


class Confirmations(Protocol):
    """Where answers are recorded."""

    async def answer(self, answer: Answer) -> datetime:
        """Record it; returns when a yes lapses unused. The same answer again is the same answer.

        Raises what the toolbox refuses it with, such as NotFound CONFIRMATION_NOT_FOUND or FailedPrecondition
        CONFIRMATION_EXPIRED, and Unavailable.
        """
