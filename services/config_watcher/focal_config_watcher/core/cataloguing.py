"""The catalogues: what is on them, and changes that leave them sound.

A change is made for the catalogue as it was read and written only if it still is that one; else it is
made anew. So two writers never leave a tool that refers to nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from focal_config_watcher import errors
from focal_config_watcher.core import stocktaking
from focal_config_watcher.core.stocktaking import Stocked
from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.domain import catalogue, command
from focal_config_watcher.domain.catalogue import PLATFORM, Change, Entry, Offer, Shelf
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits, SourceFile
from focal_config_watcher.ports import Catalogues

ATTEMPTS = 5
"""Writers of one catalogue are people; five lost races in a row are a loop."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Who changes which catalogue (`PLATFORM` or a tenant's), and how the change is known again."""

    tenant_id: str
    changed_by: str
    request_id: str


@dataclass(frozen=True)
class Outcome:
    """What was stored, nothing when an error among the problems refuses it."""

    stocked: tuple[Stocked, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """Reads and writes catalogues; `most_tools` bounds each of them."""

    registry: Registry
    shelves: Catalogues
    limits: Limits
    most_tools: int

    async def available(self, tenant_id: str) -> tuple[Offer, ...]:
        """What a publication finds without the agent defining it."""
        return catalogue.offers(await self.shelves.read(PLATFORM), await self.shelves.read(tenant_id))

    async def page(self, tenant_id: str, after: str, size: int) -> list[Stocked]:
        """A catalogue by name, from behind `after`; TENANT_NOT_FOUND."""
        platform, shelf = await self._both(tenant_id)
        names = sorted(name for name in shelf.entries if name > after)[:size]
        return [stocktaking.stocked(tenant_id, shelf.entries[name], platform) for name in names]

    async def get(self, tenant_id: str, name: str) -> Stocked:
        """One tool; TENANT_NOT_FOUND, CATALOGUE_TOOL_NOT_FOUND."""
        platform, shelf = await self._both(tenant_id)
        return stocktaking.stocked(tenant_id, _entry(shelf, name), platform)

    async def put(self, writing: Writing, source: SourceFile, etags: Mapping[str, str]) -> Outcome:
        """Define the tools of a source, all or none.

        TENANT_NOT_FOUND, REQUEST_ID_REUSED, CATALOGUE_TOOL_EXISTS, CATALOGUE_CHANGED, CATALOGUE_FULL.
        """
        content = (source.content, *(part for item in sorted(etags.items()) for part in item))
        request = command.request(writing.request_id, *content)

        async def plan(platform: Shelf, shelf: Shelf) -> Plan:
            found = await asyncio.to_thread(
                stocktaking.defined, writing.tenant_id, source, platform, shelf, self.limits
            )
            for entry in found.entries:
                _unlike(shelf, entry.name, adopted=False)
            _seen(shelf, etags)
            self._fits(shelf, found.entries)
            change = _change(writing, shelf, "PutCatalogueTools", request, put=found.entries)
            return Plan(change, found.problems)

        return await self._write(writing.tenant_id, "PutCatalogueTools", request, plan)

    async def adopt(self, writing: Writing, name: str, source: SourceFile, etag: str) -> Outcome:
        """Make a platform's tool available to the tenant, with changes; errors as those of `put`, and
        CATALOGUE_TOOL_NOT_FOUND.
        """
        request = command.request(writing.request_id, name, source.content, etag)

        async def plan(platform: Shelf, shelf: Shelf) -> Plan:
            _entry(platform, name)
            _unlike(shelf, name, adopted=True)
            _seen(shelf, {name: etag} if etag else {})
            found = await asyncio.to_thread(stocktaking.adopted, name, source, platform, shelf, self.limits)
            self._fits(shelf, found.entries)
            change = _change(writing, shelf, "AdoptCatalogueTool", request, put=found.entries)
            return Plan(change, found.problems)

        return await self._write(writing.tenant_id, "AdoptCatalogueTool", request, plan)

    async def delete(self, writing: Writing, name: str, etag: str) -> None:
        """Take a tool out.

        TENANT_NOT_FOUND, REQUEST_ID_REUSED, CATALOGUE_TOOL_NOT_FOUND, CATALOGUE_TOOL_IN_USE,
        CATALOGUE_CHANGED.
        """
        request = command.request(writing.request_id, name, etag)

        async def plan(platform: Shelf, shelf: Shelf) -> Plan:
            _entry(shelf, name)
            _seen(shelf, {name: etag} if etag else {})
            if users := stocktaking.users(writing.tenant_id, name, platform, shelf):
                raise errors.catalogue_tool_in_use(name, users)
            return Plan(_change(writing, shelf, "DeleteCatalogueTool", request, removed=(name,)))

        await self._write(writing.tenant_id, "DeleteCatalogueTool", request, plan)

    async def _write(
        self,
        tenant_id: str,
        method: str,
        request: command.Request,
        plan: Callable[[Shelf, Shelf], Awaitable[Plan]],
    ) -> Outcome:
        for _ in range(ATTEMPTS):
            platform, shelf = await self._both(tenant_id)
            written = await self.shelves.written(tenant_id, method, request)
            problems: Sequence[Problem] = ()
            if written is None:
                planned = await plan(platform, shelf)
                problems = planned.problems
                if any(problem.refuses for problem in problems):
                    return Outcome(problems=tuple(problems))
                try:
                    written = await self.shelves.write(planned.change)
                except errors.CatalogueMoved:
                    continue
            known = [entry for entry in written if not entry.adopted or entry.name in platform.entries]
            return Outcome(
                tuple(stocktaking.stocked(tenant_id, entry, platform) for entry in known), tuple(problems)
            )
        raise errors.catalogue_changed("the catalogue")

    async def _both(self, tenant_id: str) -> tuple[Shelf, Shelf]:
        """The platform's catalogue and the one asked for, which may be the same."""
        platform = await self.shelves.read(PLATFORM)
        if tenant_id == PLATFORM:
            return platform, platform
        await self.registry.get(tenant_id)
        return platform, catalogue.sound(await self.shelves.read(tenant_id), platform)

    def _fits(self, shelf: Shelf, entries: Sequence[Entry]) -> None:
        if len({*shelf.entries, *(entry.name for entry in entries)}) > self.most_tools:
            raise errors.catalogue_full(self.most_tools)


@dataclass(frozen=True)
class Plan:
    """A change, and what is wrong with it."""

    change: Change
    problems: Sequence[Problem] = field(default_factory=tuple)


def _change(
    writing: Writing,
    shelf: Shelf,
    method: str,
    request: command.Request,
    put: tuple[Entry, ...] = (),
    removed: tuple[str, ...] = (),
) -> Change:
    return Change(writing.tenant_id, shelf.revision, method, request, writing.changed_by, put, removed)


def _entry(shelf: Shelf, name: str) -> Entry:
    found = shelf.entries.get(name)
    if found is None:
        raise errors.catalogue_tool_not_found(name)
    return found


def _unlike(shelf: Shelf, name: str, *, adopted: bool) -> None:
    """A definition does not silently take the place of an adoption, nor the other way round."""
    found = shelf.entries.get(name)
    if found is not None and found.adopted is not adopted:
        raise errors.catalogue_tool_exists(name, "adopted" if found.adopted else "defined")


def _seen(shelf: Shelf, etags: Mapping[str, str]) -> None:
    for name, etag in etags.items():
        found = shelf.entries.get(name)
        if found is None or found.etag != etag:
            raise errors.catalogue_changed(f"tool '{name}'")
