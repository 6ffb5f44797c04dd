"""What happens in a session, as it happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from focal_turn_gateway.domain.events import StoredEvent, TextDelta

LiveItem = StoredEvent | TextDelta


class LiveSubscription(Protocol):
    """What happens in one session, as it happens; items may be missing, the log has them all.

    `offset` is up to where the follower has come; it keeps that true.
    """

    offset: int

    async def next(self) -> LiveItem | None:
        """The next item; None when the log should be read."""


class LiveFeed(Protocol):
    """Spreads what happens to those who follow, in this process and in others."""

    def publish(self, session_id: str, items: Iterable[LiveItem]) -> None:
        """Tell followers; never waits, may be lost."""

    def hint(self, session_id: str) -> None:
        """Tell followers to read the log."""

    def subscribe(self, session_id: str, offset: int) -> AbstractContextManager[LiveSubscription]:
        """Follow a session from an offset on."""

    def followed(self) -> Mapping[str, int]:
        """Sessions followed in this process, with the offset of the follower that is furthest behind."""

    def missed(self, session_id: str) -> None:
        """Tell followers in this process to read the log."""
