"""Keep what admission looks at in step with what is held against customers.

The table is the truth. What admission reads is written with each change, and once in a while as a whole, so
that a flushed cache, a lost write and a new address of a customer mend themselves.
"""

from __future__ import annotations

import asyncio

from focal_service_kit import logging
from focal_turn_gateway import errors
from focal_turn_gateway.ports.abuse import AbuseRecords, StandingCache

_PAGE = 500
_TRIES = 5
"""How often a write gives way to changes beside it before it is left to the next look."""

_log = logging.get("abuse")


class Standings:
    """All is written every `refresh_s` seconds by one of the gateways; whether it is still there is looked at
    every `poll_s` seconds.
    """

    def __init__(
        self, records: AbuseRecords, cache: StandingCache, *, refresh_s: float, poll_s: float
    ) -> None:
        self._records = records
        self._cache = cache
        self._refresh_s = refresh_s
        self._poll_s = poll_s
        self._owed: set[tuple[str, str]] = set()
        self._away = False

    async def changed(self, tenant_id: str, customer_id: str) -> None:
        """Write how a customer stands now; when that fails, as soon as it can be done."""
        self._owed.add((tenant_id, customer_id))
        await self._settle()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(self._poll_s)

    async def once(self) -> None:
        """One look: what is owed, and all when nobody has written it lately."""
        await self._settle()
        try:
            if not await self._cache.fresh(self._refresh_s):
                await self._all()
            self._away = False
        except errors.CacheAway:
            if not self._away:
                _log.warning("valkey away, nobody is blocked")
            self._away = True

    async def _settle(self) -> None:
        for tenant_id, customer_id in list(self._owed):
            try:
                done = await self._one(tenant_id, customer_id)
            except (errors.CacheAway, errors.StoreUnavailable):
                return
            if done:
                self._owed.discard((tenant_id, customer_id))

    async def _one(self, tenant_id: str, customer_id: str) -> bool:
        for _ in range(_TRIES):
            version = await self._cache.changing()
            found = await self._records.standing(tenant_id, customer_id)
            if await self._cache.write(found, version, replace=True):
                return True
        return False

    async def _all(self) -> None:
        """Write page by page; whoever fails half-way lets another begin anew."""
        after = ""
        try:
            while True:
                reached = await self._page(after)
                if not reached:
                    return
                after = reached
        except errors.StoreUnavailable:
            _log.warning("store away, standings wait")
            await self._cache.stale()

    async def _page(self, after: str) -> str:
        for _ in range(_TRIES):
            version = await self._cache.version()
            found, reached = await self._records.standings(after, _PAGE)
            if await self._cache.write(found, version, replace=False):
                return reached
        await self._cache.stale()
        return ""
