"""In-memory twins of config_watcher's ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from focal_config_watcher import errors
from focal_config_watcher.domain import version as versions
from focal_config_watcher.domain.authoring.bundle import AuthoredBundle
from focal_config_watcher.domain.catalogue import EMPTY, Change, Entry, Shelf
from focal_config_watcher.domain.command import Move, Publication, Registration, Request, Settled
from focal_config_watcher.domain.retrieval import RetrievalIndex
from focal_config_watcher.domain.sources import SourceFile
from focal_config_watcher.domain.tenant import Tenant, Tier
from focal_config_watcher.domain.version import (
    AgentKey,
    Compiled,
    Difference,
    Manifest,
    Pointer,
    VersionRecord,
)

NOW = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class FakeTenants:
    """Implements `ports.Tenants`."""

    known: dict[str, Tenant] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)

    async def create(self, registration: Registration) -> Tenant:
        request = registration.request
        if earlier := self.requests.get(request.request_id):
            if earlier != request:
                raise errors.request_id_reused(request.request_id)
            return self.known[registration.tenant_id]
        if registration.tenant_id in self.known:
            raise errors.tenant_exists(registration.tenant_id)
        self.known[registration.tenant_id] = Tenant(
            registration.tenant_id, registration.name, Tier(registration.tier), registration.created_at
        )
        if request.request_id:
            self.requests[request.request_id] = request
        return self.known[registration.tenant_id]

    async def get(self, tenant_id: str) -> Tenant | None:
        return self.known.get(tenant_id)

    async def page(self, after: str, size: int) -> list[Tenant]:
        return [self.known[key] for key in sorted(self.known) if key > after][:size]


@dataclass
class FakeCatalogues:
    """Implements `ports.Catalogues`; `interrupt` runs once before the next write."""

    shelves: dict[str, Shelf] = field(default_factory=dict)
    requests: dict[tuple[str, str, str], tuple[Request, tuple[Entry, ...]]] = field(default_factory=dict)
    interrupt: Callable[[], None] | None = None

    async def read(self, tenant_id: str) -> Shelf:
        return self.shelves.get(tenant_id, EMPTY)

    async def written(self, tenant_id: str, method: str, request: Request) -> tuple[Entry, ...] | None:
        known = self.requests.get((tenant_id, method, request.request_id))
        if known is None:
            return None
        if known[0] != request:
            raise errors.request_id_reused(request.request_id)
        return known[1]

    async def write(self, change: Change) -> tuple[Entry, ...]:
        if self.interrupt is not None:
            interrupt, self.interrupt = self.interrupt, None
            interrupt()
        shelf = await self.read(change.tenant_id)
        if shelf.revision != change.revision:
            raise errors.CatalogueMoved
        put = tuple(replace(entry, changed_by=change.changed_by, changed_at=NOW) for entry in change.put)
        entries = {**shelf.entries, **{entry.name: entry for entry in put}}
        for name in change.removed:
            del entries[name]
            if change.tenant_id == "" and any(name in other.entries for other in self._tenants()):
                raise errors.catalogue_tool_in_use(name, [])
        self.shelves[change.tenant_id] = Shelf(shelf.revision + 1, entries)
        if change.request.request_id:
            known = (change.tenant_id, change.method, change.request.request_id)
            self.requests[known] = (change.request, put)
        return put

    def _tenants(self) -> list[Shelf]:
        return [shelf for tenant_id, shelf in self.shelves.items() if tenant_id]


@dataclass
class Stored:
    """One version."""

    publication: Publication
    compiled: Compiled


@dataclass
class FakeVersions:
    """Implements `ports.Versions`."""

    stored: dict[AgentKey, list[Stored]] = field(default_factory=dict)
    current_pointers: dict[AgentKey, Pointer] = field(default_factory=dict)
    settlements: dict[str, tuple[Request, Settled]] = field(default_factory=dict)

    async def settled(self, publication: Publication) -> Settled | None:
        request = publication.request
        if request.request_id in self.settlements:
            earlier, settled = self.settlements[request.request_id]
            if earlier != request:
                raise errors.request_id_reused(request.request_id)
            return settled
        pointer = self.current_pointers.get(publication.key)
        if pointer is None or self._definition_hash(pointer) != publication.definition_hash:
            return None
        return self._remember(request, Settled(pointer, unchanged=True))

    async def publish(self, publication: Publication, compiled: Compiled) -> Settled:
        if settled := await self.settled(publication):
            return settled
        numbered = self.stored.setdefault(publication.key, [])
        numbered.append(Stored(publication, compiled))
        pointer = self._point(publication.key, len(numbered))
        return self._remember(publication.request, Settled(pointer, unchanged=False))

    async def move(self, move: Move) -> Pointer:
        if move.key not in self.stored:
            raise errors.agent_not_found(move.key.agent_id)
        if move.target_version > len(self.stored[move.key]):
            raise errors.version_not_found(move.key.agent_id, move.target_version)
        return self._point(move.key, move.target_version)

    async def pointer(self, key: AgentKey) -> Pointer | None:
        return self.current_pointers.get(key)

    async def pointers(self) -> list[Pointer]:
        return list(self.current_pointers.values())

    async def manifest(self, key: AgentKey, version: int) -> Manifest | None:
        if version > len(self.stored.get(key, [])):
            return None
        compiled = self.stored[key][version - 1].compiled
        return Manifest(
            Pointer(key, version, compiled.content_hash(), NOW, moves=0),
            versions.describe(compiled.parts),
            compiled.embedding_model,
            compiled.embedding_dimensions,
        )

    async def parts(self, key: AgentKey, version: int, names: Collection[str]) -> dict[str, bytes]:
        parts = self.stored[key][version - 1].compiled.parts
        return {name: parts[name] for name in names if name in parts}

    async def history(self, key: AgentKey, below: int, size: int) -> list[VersionRecord]:
        numbers = range(len(self.stored.get(key, [])), 0, -1)
        return [self._record(key, number) for number in numbers if number < below][:size]

    async def current(self, tenant_id: str, after: str, size: int) -> list[VersionRecord]:
        return [
            self._record(key, pointer.version)
            for key, pointer in sorted(self.current_pointers.items(), key=lambda item: item[0].agent_id)
            if key.tenant_id == tenant_id and key.agent_id > after
        ][:size]

    def _definition_hash(self, pointer: Pointer) -> str:
        return self.stored[pointer.key][pointer.version - 1].publication.definition_hash

    def _point(self, key: AgentKey, version: int) -> Pointer:
        moves = self.current_pointers[key].moves if key in self.current_pointers else 0
        content_hash = self.stored[key][version - 1].compiled.content_hash()
        self.current_pointers[key] = Pointer(key, version, content_hash, NOW, moves + 1)
        return self.current_pointers[key]

    def _remember(self, request: Request, settled: Settled) -> Settled:
        if request.request_id:
            self.settlements[request.request_id] = (request, settled)
        return settled

    def _record(self, key: AgentKey, version: int) -> VersionRecord:
        stored = self.stored[key][version - 1]
        return VersionRecord(
            key.agent_id,
            version,
            stored.compiled.content_hash(),
            stored.publication.published_by,
            NOW,
            stored.publication.note,
            self.current_pointers[key].version == version,
        )


@dataclass
class FakeCache:
    """Implements `ports.BundleCache`; while `away` every call raises CacheAway."""

    away: bool = False
    parts: dict[tuple[AgentKey, int, str], bytes] = field(default_factory=dict)
    pointers: dict[AgentKey, int] = field(default_factory=dict)
    announced: list[Pointer] = field(default_factory=list)

    async def read(self, key: AgentKey, version: int, name: str) -> bytes | None:
        self._answer()
        return self.parts.get((key, version, name))

    async def refill(self, key: AgentKey, version: int, name: str, content: bytes) -> None:
        self._answer()
        self.parts[key, version, name] = content

    async def write(self, pointer: Pointer, parts: Mapping[str, bytes]) -> None:
        self._answer()
        for name, content in parts.items():
            self.parts[pointer.key, pointer.version, name] = content
        self.pointers[pointer.key] = pointer.version

    async def announce(self, pointer: Pointer) -> None:
        self._answer()
        self.announced.append(pointer)

    async def stale(self, pointers: Sequence[Pointer]) -> list[Pointer]:
        self._answer()
        return [pointer for pointer in pointers if self.pointers.get(pointer.key) != pointer.version]

    def _answer(self) -> None:
        if self.away:
            raise errors.CacheAway("switched off by the test")


@dataclass
class FakeAnnouncements:
    """Implements `ports.Announcements`."""

    queue: asyncio.Queue[AgentKey] = field(default_factory=asyncio.Queue)

    async def listen(self) -> AsyncIterator[AgentKey]:
        while True:
            yield await self.queue.get()


class FakeEncoder:
    """Implements `ports.BundleEncoder`: readable, equal for equal content."""

    def definitions(self, bundle: AuthoredBundle) -> dict[str, bytes]:
        names = versions.PART_NAMES[:-1]
        return {name: repr(getattr(bundle, name)).encode() for name in names}

    def tool_differences(self, before: bytes, after: bytes) -> tuple[Difference, ...]:
        return () if before == after else (Difference("tool", "", "changed"),)

    def vectors(self, index: RetrievalIndex) -> bytes:
        return index.matrix.tobytes()


def sources(**contents: str) -> tuple[SourceFile, ...]:
    """Files by path, `__` for `/`, without `.yaml`; a valid agent.yaml unless one is given."""
    contents.setdefault("agent", "id: desk\nname: Desk\nsystem_prompt: Help.\n")
    return tuple(SourceFile(f"{name.replace('__', '/')}.yaml", content) for name, content in contents.items())
