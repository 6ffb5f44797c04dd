"""What happens in a session, as it happens."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from focal_turn_gateway.domain.events import StoredEvent, TextDelta

LiveItem = StoredEvent | TextDelta


class LiveSubscription(Protocol):
    """What happens in one session, as it happens; items may be missing, the log has them all."""

    async def next(self, timeout_s: float) -> LiveItem | None:
        """The next item; None after `timeout_s` or when the log should be read."""


class LiveFeed(Protocol):
    """Spreads what happens to those who follow, in this process and in others."""

    def publish(self, session_id: str, items: Iterable[LiveItem]) -> None:
        """Tell followers; never waits, may be lost."""

    def hint(self, session_id: str) -> None:
        """Tell followers to read the log."""

    def subscribe(self, session_id: str) -> AbstractContextManager[LiveSubscription]:
        """Follow a session."""
