"""What the log of a tenant's events, its limits and its retention need of the outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from focal_turn_gateway.domain.event_log import EventChoice, LogPage, Position


class EventLog(Protocol):
    """A tenant's events in one order, in which nothing ever appears behind a reader."""

    async def end(self) -> Position:
        """The place behind all that is certain to be stored. Raises StoreUnavailable."""

    async def check(self, tenant_id: str, position: Position) -> None:
        """Raise EventsRemoved, InvalidField or StoreUnavailable when nobody can read on from this place."""

    async def read(self, tenant_id: str, after: Position, choice: EventChoice, limit: int) -> LogPage:
        """The chosen ones of the next `limit` events behind a place. Raises StoreUnavailable."""


class Retirement(Protocol):
    """Removes what is older than `age_s` seconds, at most `limit` rows a call; each returns how many and
    raises StoreUnavailable.
    """

    async def tenants(self) -> list[str]:
        """Tenants that have events."""

    async def remove_events(self, tenant_id: str, age_s: float, limit: int) -> int:
        """The oldest events of a tenant, without leaving a hole."""

    async def empty_events(self, age_s: float, limit: int) -> int:
        """The payloads of rule and custom events; the events stay."""

    async def remove_deliveries(self, age_s: float, limit: int) -> int:
        """Outbox rows that were delivered."""

    async def remove_artifacts(self, age_s: float, limit: int) -> int:
        """Artifacts of closed turns."""

    async def remove_abuse(self, age_s: float, limit: int) -> int:
        """What was held against customers and is over or lifted."""

    async def remove_webhook_deliveries(self, age_s: float, limit: int) -> int:
        """Deliveries to webhooks that wait for nothing."""


class EventCounts(Protocol):
    """Counts of reported events that all gateways share: by tenant, of any category and of `custom` ones."""

    async def add(
        self, minute: int, counted: Mapping[str, tuple[int, int]]
    ) -> dict[str, tuple[int, int]] | None:
        """Add to the counts of a calendar minute and return the sums; None while they cannot be reached."""
