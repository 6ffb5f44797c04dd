"""What is held against customers, and where admission looks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from focal_turn_gateway.domain.abuse import Abuse, AbuseFilter, Finding, Standing
from focal_turn_gateway.domain.abuse_detectors import Counted, Pace, Texts
from focal_turn_gateway.domain.events import Event
from focal_turn_gateway.domain.triggers import Request


@dataclass(frozen=True, slots=True)
class Noted:
    """The entry and whether it is new; `session_id` is the session that tells of it, empty when the customer
    has none.
    """

    abuse: Abuse
    fresh: bool
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Lifted:
    """The entries that were ended, latest first, and the session that tells of it."""

    entries: tuple[Abuse, ...]
    session_id: str = ""


class AbuseRecords(Protocol):
    """What is held against the customers of tenants; every method may raise StoreUnavailable."""

    async def note(
        self, tenant_id: str, finding: Finding, request: Request, further: Sequence[Event] = ()
    ) -> Noted | None:
        """Store a finding with its event and further ones; None when a detector's is no graver than what
        holds already. Raises CustomerNotFound, RequestIdReused.
        """

    async def lift(self, tenant_id: str, customer_id: str, by: str, reason: str, request: Request) -> Lifted:
        """End all that holds against a customer. Raises CustomerNotFound, RequestIdReused."""

    async def page(self, tenant_id: str, chosen: AbuseFilter, before: str, limit: int) -> list[Abuse]:
        """Entries with an id below `before` (all when empty), latest first."""

    async def standing(self, tenant_id: str, customer_id: str) -> list[Standing]:
        """How a customer stands, at each of its addresses."""

    async def standings(self, after: str, limit: int) -> tuple[list[Standing], str]:
        """Who is blocked or restricted by the next `limit` entries behind the entry `after`, of all tenants,
        and the last entry read; empty when there are none behind.
        """


class StandingCache(Protocol):
    """Where admission looks how a customer stands. Every method raises CacheAway when nobody answers."""

    async def fresh(self, for_s: float) -> bool:
        """Whether somebody has written all standings lately; if not, the caller is to, and nobody else is for
        `for_s` seconds.
        """

    async def stale(self) -> None:
        """Let somebody write all standings soon."""

    async def changing(self) -> bytes:
        """Announce a change: what was read before it is no longer written. Returns what to write under."""

    async def version(self) -> bytes:
        """What to write under when nothing changes."""

    async def write(self, standings: Sequence[Standing], version: bytes, *, replace: bool) -> bool:
        """Keep standings, for `replace` also those that do not stand; false, and nothing is kept, when
        something has changed since the version.
        """


@dataclass(frozen=True, slots=True)
class AddressHits:
    """Messages of one address that its own limit refused: seconds since the epoch, at which a stretch of time
    begins, to their number.
    """

    tenant_id: str
    customer_hash: str
    hits: Mapping[float, int]


class RateHits(Protocol):
    """Remembers whose messages were refused."""

    async def often(self, window_s: float, more_than: int) -> list[AddressHits]:
        """Addresses with more refused messages than that within the window. Raises CacheAway."""


class AbuseFacts(Protocol):
    """The figures by which detectors judge. Each look is at those who were active within the window, at most
    `limit` of them, the worst first, and counts nothing from before a person let the customer in again. Every
    method may raise StoreUnavailable.
    """

    async def claim(self, every_s: float) -> bool:
        """Whether the caller is to look now, as the only one within `every_s` seconds."""

    async def rate_hits(self, found: Sequence[AddressHits]) -> list[Counted]:
        """Hits of the customers behind the addresses."""

    async def safety_refusals(
        self, window_s: float, names: Sequence[str], more_than: int, limit: int
    ) -> list[Counted]:
        """Customers with more turns than that in which an event with one of the names was reported."""

    async def texts(self, window_s: float, at_least: int, limit: int) -> list[Texts]:
        """Customers with so many messages."""

    async def paces(self, window_s: float, at_least: int, limit: int) -> list[Pace]:
        """Customers with so many turns."""
