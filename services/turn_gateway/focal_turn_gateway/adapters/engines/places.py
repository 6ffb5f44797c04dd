"""Places to drain sessions in, shared fairly between tenants."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager


class Places:
    """At most `total` places are taken, and by one tenant at most `cap(tenant_id)`.

    A place that becomes free goes to the tenant that has the fewest, in turn between equals, whoever came
    first: a tenant that floods waits behind itself.
    """

    def __init__(self, total: int, cap: Callable[[str], int]) -> None:
        self._free = total
        self._cap = cap
        self._taken: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def of(self, tenant_id: str) -> AsyncGenerator[Place, None]:
        """Wait for a place and hold it inside."""
        place = Place(self, tenant_id)
        await place.take()
        try:
            yield place
        finally:
            place.leave()

    async def take(self, tenant_id: str) -> None:
        """Wait for a place of this tenant's."""
        if self._free and tenant_id not in self._waiting and self._may(tenant_id):
            self._grant(tenant_id)
            return
        granted = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append(granted)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.give(tenant_id)
            raise

    def give(self, tenant_id: str) -> None:
        """Give a place back, to whoever is next."""
        self._free += 1
        self._taken[tenant_id] -= 1
        if not self._taken[tenant_id]:
            del self._taken[tenant_id]
        while self._free and (following := self._next()) is not None:
            tenant, granted = following
            self._grant(tenant)
            granted.set_result(None)

    def _may(self, tenant_id: str) -> bool:
        return self._taken[tenant_id] < self._cap(tenant_id)

    def _grant(self, tenant_id: str) -> None:
        self._free -= 1
        self._taken[tenant_id] += 1

    def _next(self) -> tuple[str, asyncio.Future[None]] | None:
        for tenant_id in sorted(filter(self._may, self._waiting), key=self._taken.__getitem__):
            queue = self._waiting[tenant_id]
            while queue:
                granted = queue.popleft()
                if not granted.cancelled():
                    self._turned(tenant_id, queue)
                    return tenant_id, granted
            del self._waiting[tenant_id]
        return None

    def _turned(self, tenant_id: str, queue: deque[asyncio.Future[None]]) -> None:
        """The tenant had its turn: among equals it is now the last."""
        if queue:
            self._waiting.move_to_end(tenant_id)
        else:
            del self._waiting[tenant_id]


class Place:
    """One place of a tenant; it may be left and taken again while it is held."""

    def __init__(self, places: Places, tenant_id: str) -> None:
        self._places = places
        self._tenant_id = tenant_id
        self._held = False

    async def take(self) -> None:
        """Wait for it."""
        await self._places.take(self._tenant_id)
        self._held = True

    def leave(self) -> None:
        """Give it back, if it is held."""
        if self._held:
            self._held = False
            self._places.give(self._tenant_id)

    @asynccontextmanager
    async def aside(self) -> AsyncGenerator[None, None]:
        """Leave it to others inside, then wait for it again."""
        self.leave()
        yield
        await self.take()
