"""The events of all sessions of a tenant, as one log: places in it, and what a reader chooses of it."""

from __future__ import annotations

from dataclasses import dataclass

from focal_turn_gateway.domain import event_names
from focal_turn_gateway.domain.events import StoredEvent


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a tenant's log. `xact` orders what different transactions wrote, `number` what one wrote."""

    xact: int
    number: int

    def __str__(self) -> str:
        return f"{self.xact}.{self.number}"

    @classmethod
    def parsed(cls, text: str) -> Position | None:
        """The place that `str` wrote; None for any other text."""
        xact, dot, number = text.partition(".")
        if not (dot and xact.isascii() and number.isascii() and xact.isdigit() and number.isdigit()):
            return None
        found = cls(int(xact), int(number))
        return found if max(found.xact, found.number) < 2**63 else None


@dataclass(frozen=True, slots=True)
class EventChoice:
    """Which events to show: names that one of `patterns` chooses, of one agent unless `agent_id` is empty."""

    patterns: tuple[str, ...] = ("*",)
    agent_id: str = ""

    def __contains__(self, event: LoggedEvent) -> bool:
        return self.agent_id in ("", event.agent_id) and event_names.matches(
            event_names.full_name(event.event.body), self.patterns
        )


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A stored event with its place in the tenant's log and with what its session adds to it."""

    event: StoredEvent
    position: Position
    agent_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """The chosen events of a stretch of the log that ends at `reached`; `more` says that it goes on there."""

    events: tuple[LoggedEvent, ...]
    reached: Position
    more: bool
