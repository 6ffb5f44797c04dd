"""What the message router's side needs of its streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from focal_turn_gateway.domain.routed import DeadLetter, Entry, Route


@dataclass(frozen=True, slots=True)
class Taken:
    """Entries taken from a stream; `position` is the id of the last one that the stream had."""

    entries: list[Entry]
    position: str


class RoutedStreams(Protocol):
    """The router's streams, each read by one gateway at a time. Every method raises StreamsAway."""

    async def discover(self) -> set[Route]:
        """Streams seen since the last call, known ones among them."""

    async def acquire(self, route: Route, token: str) -> bool:
        """Become the reader of a stream unless another is. Raises StreamGone."""

    async def read(self, route: Route, token: str, after: str | None, count: int) -> Taken:
        """Stay the reader and take up to `count` entries, the oldest first: new ones, or with `after` an id,
        those behind it that were taken before and are not settled. Raises StreamLost.
        """

    async def arrivals(self, positions: Mapping[Route, str], timeout_s: float) -> set[Route]:
        """Streams with entries behind their positions, as soon as there are any."""

    async def done(self, route: Route, entry_id: str) -> None:
        """The entry's message is durable."""

    async def bury(self, route: Route, entry: Entry, reason: str, detail: str) -> None:
        """Move the entry to the dead letters, once however often it is asked for."""

    async def release(self, route: Route, token: str) -> None:
        """Let another become the reader at once."""


class DeadLetters(Protocol):
    """What was taken off the router's streams. Every method raises StreamsUnavailable."""

    async def page(self, tenant_id: str, channel: str, before: str, limit: int) -> list[DeadLetter]:
        """Dead letters of a channel (of all when empty) behind `before`, latest first."""

    async def put_back(self, tenant_id: str, dead_letter_id: str, request_id: str) -> str:
        """Write it to the end of its stream again; returns the entry's id. Raises DeadLetterNotFound,
        RequestIdReused.
        """

    async def drop(self, tenant_id: str, dead_letter_id: str, request_id: str) -> None:
        """Forget it. Raises DeadLetterNotFound, RequestIdReused."""
