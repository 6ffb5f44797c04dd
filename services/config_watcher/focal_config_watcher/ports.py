"""What core needs from the outside; each has an in-memory twin in tests/fakes/config_watcher.py."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

from focal_config_watcher.domain.authoring.bundle import AuthoredBundle
from focal_config_watcher.domain.catalogue import Change, Entry, Shelf
from focal_config_watcher.domain.command import Move, Publication, Registration, Request, Settled
from focal_config_watcher.domain.retrieval import RetrievalIndex
from focal_config_watcher.domain.tenant import Tenant
from focal_config_watcher.domain.version import (
    AgentKey,
    Compiled,
    Difference,
    Manifest,
    Pointer,
    VersionRecord,
)


class Tenants(Protocol):
    """The registry."""

    async def create(self, registration: Registration) -> Tenant:
        """Register, or return what the same request registered; TENANT_EXISTS, REQUEST_ID_REUSED."""

    async def get(self, tenant_id: str) -> Tenant | None:
        """The tenant, if it is registered."""

    async def page(self, after: str, size: int) -> list[Tenant]:
        """Tenants by id, from behind `after`."""


class Catalogues(Protocol):
    """Catalogues of tools, each named by its tenant; the platform's is `catalogue.PLATFORM`."""

    async def read(self, tenant_id: str) -> Shelf:
        """A catalogue at one moment; an empty one for whoever has none."""

    async def written(self, tenant_id: str, method: str, request: Request) -> tuple[Entry, ...] | None:
        """What the same request put before, None for a new one. REQUEST_ID_REUSED."""

    async def write(self, change: Change) -> tuple[Entry, ...]:
        """Carry a change out and return what it put, all or nothing.

        CatalogueMoved when the catalogue, or the platform's tool that is adopted, is not what it was;
        CATALOGUE_TOOL_IN_USE while tenants have adopted what is taken out; REQUEST_ID_REUSED.
        """


class Versions(Protocol):
    """The durable truth about versions and pointers."""

    async def settled(self, publication: Publication) -> Settled | None:
        """What a publication leads to when no new version is needed: a repeated request or the
        content of the current version. REQUEST_ID_REUSED.
        """

    async def publish(self, publication: Publication, compiled: Compiled) -> Settled:
        """Store the version and make it current, all or nothing; the next number is this one's
        alone. TENANT_NOT_FOUND, REQUEST_ID_REUSED.
        """

    async def move(self, move: Move) -> Pointer:
        """Make an earlier version current. AGENT_NOT_FOUND, VERSION_NOT_FOUND, REQUEST_ID_REUSED."""

    async def pointer(self, key: AgentKey) -> Pointer | None:
        """The current pointer, if anything was published."""

    async def pointers(self) -> list[Pointer]:
        """All current pointers of all tenants."""

    async def manifest(self, key: AgentKey, version: int) -> Manifest | None:
        """What a version consists of."""

    async def parts(self, key: AgentKey, version: int, names: Collection[str]) -> dict[str, bytes]:
        """The named parts of a version that exist."""

    async def history(self, key: AgentKey, below: int, size: int) -> list[VersionRecord]:
        """Versions of an agent, newest first, with numbers under `below`."""

    async def current(self, tenant_id: str, after: str, size: int) -> list[VersionRecord]:
        """The current version of each agent of a tenant, by agent id from behind `after`."""


class BundleCache(Protocol):
    """Fast copies that may be lost. Every method may raise CacheAway."""

    async def read(self, key: AgentKey, version: int, name: str) -> bytes | None:
        """One part, if it is there; nobody vouches for its content."""

    async def refill(self, key: AgentKey, version: int, name: str, content: bytes) -> None:
        """Put a part back for some time."""

    async def write(self, pointer: Pointer, parts: Mapping[str, bytes]) -> None:
        """Put all parts of a version, then point to it; no reader sees the pointer first."""

    async def announce(self, pointer: Pointer) -> None:
        """Tell every replica that listens now."""

    async def stale(self, pointers: Sequence[Pointer]) -> list[Pointer]:
        """Those whose pointer or parts are missing or differ."""


class Announcements(Protocol):
    """What replicas tell one another."""

    def listen(self) -> AsyncIterator[AgentKey]:
        """Agents whose pointer moved; survives outages, may miss some. Never ends by itself."""


class BundleEncoder(Protocol):
    """The wire form of a bundle's parts, equal bytes for equal content."""

    def definitions(self, bundle: AuthoredBundle) -> dict[str, bytes]:
        """All parts but `vectors`."""

    def tool_differences(self, before: bytes, after: bytes) -> tuple[Difference, ...]:
        """What differs between two parts `tools`, by name; `before` may be empty."""

    def vectors(self, index: RetrievalIndex) -> bytes:
        """The part `vectors`."""
