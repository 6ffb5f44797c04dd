"""Tools that agents find without defining them: the platform's, and each tenant's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from focal_config_watcher.domain.command import Request
from focal_kernel import ids

PLATFORM = ""
"""The platform's catalogue, where a catalogue is named by its tenant."""

ETAG_CHARS = 16


class Tier(StrEnum):
    """Where a tool's definition comes from."""

    PLATFORM = "platform"
    TENANT = "tenant"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Entry:
    """A tool as one catalogue has it.

    `text` is canonical JSON of what was written: of a tool its definition, of an adopted one what the
    tenant changes about the platform's.
    """

    name: str
    text: str
    adopted: bool = False
    changed_by: str = ""
    changed_at: datetime | None = None

    @property
    def etag(self) -> str:
        """Changes with what was written."""
        return ids.digest(str(self.adopted), self.text)[:ETAG_CHARS]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One catalogue as it stands; `revision` counts its changes from 0."""

    revision: int
    entries: Mapping[str, Entry]


EMPTY = Shelf(0, {})


def sound(tenant: Shelf, platform: Shelf) -> Shelf:
    """A tenant's catalogue without adoptions of what the platform's, read a moment before, does not have."""
    entries = {
        name: entry for name, entry in tenant.entries.items() if not entry.adopted or name in platform.entries
    }
    return Shelf(tenant.revision, entries)


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that is available to a tenant: where its definition comes from, the definition, and what the
    tenant changes about it ("" for nothing); both canonical JSON.
    """

    name: str
    tier: Tier
    text: str
    changes: str = ""

    @property
    def path(self) -> str:
        """What problems are reported under, as a file would be."""
        return f"catalogue:{self.tier}/{self.name}"


def offers(platform: Shelf, tenant: Shelf) -> tuple[Offer, ...]:
    """Everything available to a tenant, by name: what it defines, and what it has adopted."""
    found = []
    for name, entry in sorted(sound(tenant, platform).entries.items()):
        if not entry.adopted:
            found.append(Offer(name, Tier.TENANT, entry.text))
        else:
            found.append(Offer(name, Tier.PLATFORM, platform.entries[name].text, entry.text))
    return tuple(found)


def of_platform(platform: Shelf) -> tuple[Offer, ...]:
    """Everything that tenants may adopt, by name."""
    return tuple(Offer(name, Tier.PLATFORM, entry.text) for name, entry in sorted(platform.entries.items()))


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a catalogue that still has `revision`: entries to put, names to take out."""

    tenant_id: str
    revision: int
    method: str
    request: Request
    changed_by: str
    put: tuple[Entry, ...] = ()
    removed: tuple[str, ...] = ()
