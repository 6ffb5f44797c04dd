"""Places to drain sessions in, shared fairly between tenants."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from focal_turn_gateway.domain.crowding import Shares


class Places:
    """At most `total` places are taken, and by one tenant at most `cap(tenant_id)`.

    A place that becomes free goes to the tenant that has the fewest, in turn between equals, whoever came
    first: a tenant that floods waits behind itself. While places are scarce, those who want more than their
    share are given `scarce` of them per allotment; the others do not notice.
    """

    def __init__(self, total: int, cap: Callable[[str], int], shares: Shares | None = None) -> None:
        self.scarce: float | None = None
        self._due = 0.0
        self.taken = 0
        self._total = total
        self._cap = cap
        self._shares = shares or Shares(memory_s=3, together_s=60)
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

    def want(self, tenant_id: str) -> None:
        """A tenant has something that will need a place; said of what is turned away too."""
        self._shares.want(tenant_id, _now(), self._cap(tenant_id))

    def tenants(self) -> int:
        """Tenants that wanted a place lately."""
        return self._shares.tenants(_now())

    def backlog(self, tenant_id: str) -> int:
        """How many of a tenant's wait while places are scarce and it wants more than its share, else 0."""
        if self.scarce is None or not self._shares.heavy(tenant_id):
            return 0
        return len(self._waiting.get(tenant_id, ()))

    @property
    def used_up(self) -> bool:
        """Whether those who want more than their share were given all that was allotted to them."""
        return self._due < 1

    def allot(self, scarce: float | None) -> None:
        """Give so many places from now to the next call to those who want more than their share, or all with
        None. What is left over is kept, at most one.
        """
        self.scarce = scarce
        self._due = 0.0 if scarce is None else min(1.0, self._due) + scarce
        self._seat()

    async def take(self, tenant_id: str) -> None:
        """Wait for a place of this tenant's."""
        if tenant_id not in self._waiting and self._may(tenant_id):
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
        self.taken -= 1
        self._taken[tenant_id] -= 1
        if not self._taken[tenant_id]:
            del self._taken[tenant_id]
        self._seat()

    def _seat(self) -> None:
        while (following := self._next()) is not None:
            tenant, granted = following
            self._grant(tenant)
            granted.set_result(None)

    def _may(self, tenant_id: str) -> bool:
        if self.taken >= self._total or self._taken[tenant_id] >= self._cap(tenant_id):
            return False
        return self.scarce is None or self._due >= 1 or not self._shares.heavy(tenant_id)

    def _grant(self, tenant_id: str) -> None:
        self.taken += 1
        self._taken[tenant_id] += 1
        if self.scarce is not None and self._shares.heavy(tenant_id):
            self._due -= 1

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


def _now() -> float:
    return asyncio.get_running_loop().time()


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
