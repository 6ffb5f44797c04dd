"""What makes messages durable, and what turns them away."""

from __future__ import annotations

from typing import Protocol

from focal_turn_gateway.domain.accumulation import Window
from focal_turn_gateway.domain.messages import Accepted, Submission
from focal_turn_gateway.domain.rates import Allowance, Rates
from focal_turn_gateway.domain.tiers import Tier


class Tiers(Protocol):
    """Knows which limits a tenant is under."""

    async def tier(self, tenant_id: str, claimed: str) -> Tier | None:
        """The tenant's tier, None when nobody knows it; `claimed` is what the caller's token says of it."""

    def seen(self, tenant_id: str) -> Tier | None:
        """The tier that was last seen here, without asking anybody."""


class RateWindows(Protocol):
    """Counts messages in sliding windows, and knows who is blocked or restricted."""

    async def admit(self, tenant_id: str, customer: str, rates: Rates) -> Allowance | None:
        """Count a message of a customer (hashed) unless a limit is used up; None when nobody can count."""


class MessageStore(Protocol):
    """Makes messages durable."""

    async def submit(self, submission: Submission, window: Window) -> Accepted:
        """Store the message, its identity and its session. Raises RequestIdReused, QueueFull,
        StoreUnavailable.
        """

    async def extend_window(self, tenant_id: str, session_id: str, pause_ms: int) -> None:
        """Keep an open window of the session open for another `pause_ms`, up to its longest wait. Raises
        StoreUnavailable.
        """

    async def end_typing(self, tenant_id: str, session_id: str, pause_ms: int) -> bool:
        """Let an extended window fall back to what its latest message had set, at the earliest `pause_ms`
        from now; false when nothing had extended it. Raises StoreUnavailable.
        """


class Refusals(Protocol):
    """Counts the messages that limits turn away."""

    def count(self, tenant_id: str, reason: str) -> None:
        """Note one refused message; `reason` is that of the error."""
