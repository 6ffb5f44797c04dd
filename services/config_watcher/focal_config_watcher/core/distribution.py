"""Carries a moved pointer out: into the cache, over the channel, to the watchers of this process.

The database was written before and decides. A cache that is away delays nobody for long: the
reconciling loop brings it up to date once it is back.
"""

import asyncio
from dataclasses import dataclass

from focal_config_watcher.core.watching import Pointers
from focal_config_watcher.domain.version import PART_NAMES, AgentKey, Pointer
from focal_config_watcher.errors import CacheAway
from focal_config_watcher.ports import BundleCache, Versions
from focal_service_kit import logging

_log = logging.get("distribution")


@dataclass(frozen=True)
class Distributor:
    """Distributes pointers; `reconcile_s` is the time between two looks at the whole cache."""

    versions: Versions
    cache: BundleCache
    pointers: Pointers
    reconcile_s: float

    async def distribute(self, pointer: Pointer) -> None:
        """Make a moved pointer known; never fails because of the cache."""
        self.pointers.notice(pointer)
        try:
            await self._mirror(pointer.key)
        except CacheAway as error:
            _log.warning("cache is away, it is filled later", error=str(error))

    async def reconcile(self) -> None:
        """Compare the cache with the database again and again; runs until cancelled."""
        while True:
            try:
                await self.reconcile_once()
            except CacheAway:
                _log.debug("cache is away")
            except Exception as error:  # noqa: BLE001 - whatever fails, the next look is in seconds
                _log.warning("reconciling failed", error=repr(error))
            await asyncio.sleep(self.reconcile_s)

    async def reconcile_once(self) -> None:
        """Write every pointer whose cached form is missing or differs."""
        for pointer in await self.cache.stale(await self.versions.pointers()):
            await self._mirror(pointer.key)

    async def _mirror(self, key: AgentKey) -> None:
        """Write what the database says, and look again: of two writers that overtake each other
        the one that wrote an old pointer sees the newer one afterwards and writes it.
        """
        pointer = await self.versions.pointer(key)
        while pointer is not None:
            parts = await self.versions.parts(key, pointer.version, PART_NAMES)
            await self.cache.write(pointer, parts)
            await self.cache.announce(pointer)
            latest = await self.versions.pointer(key)
            if latest is None or latest.moves == pointer.moves:
                return
            pointer = latest
