"""Places to drain sessions in, shared fairly between tenants."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from focal_turn_gateway.domain.crowding import Shares


class Places:
    """At most `total` places are taken, and by one tenant at most `cap(tenant_id)`.

    A place that becomes free goes to the tenant that has the fewest, in turn between equals, whoever came
    first: a tenant that floods waits behind itself. While places are scarce, each tenant that wants more than
    its share is given one at a time at an even `pace`; the others do not notice. One that keeps within
    the `booked(tenant_id)` a second is given at least as much as the others want.
    """

    def __init__(
        self,
        total: int,
        cap: Callable[[str], int],
        shares: Shares | None = None,
        booked: Callable[[str], float] = lambda _: 0.0,
    ) -> None:
        self.pace: float | None = None
        self.taken = 0
        self._booked = booked
        self._even = 0.0
        self._paced_at: dict[str, float] = {}
        self._paced_out = False
        self._next_pace: asyncio.TimerHandle | None = None
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
        if self.pace is None or not self._shares.heavy(tenant_id):
            return 0
        return len(self._waiting.get(tenant_id, ()))

    @property
    def used_up(self) -> bool:
        """Whether somebody had to wait for the pace since it was last set."""
        return self._paced_out

    def set_pace(self, pace: float | None) -> None:
        """Give each who wants more than its share so many places a second from now on, or all with None.
        What was not taken is not kept: a handful of turns begun at once is what others notice.
        """
        self.pace = pace
        self._even = self._shares.even(_now())
        self._paced_at = {one: at for one, at in self._paced_at.items() if self._shares.heavy(one)}
        self._paced_out = False
        self._seat()

    async def take(self, tenant_id: str) -> None:
        """Wait for a place of this tenant's."""
        if tenant_id not in self._waiting and self._may(tenant_id):
            self._grant(tenant_id)
            return
        granted = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append(granted)
        self._wait_for_pace()
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
        self._wait_for_pace()

    def _wait_for_pace(self) -> None:
        """Look again when the pace lets the next one begin, if somebody waits for that."""
        if self._next_pace is not None:
            self._next_pace.cancel()
            self._next_pace = None
        now = _now()
        due = [at for at in map(self._due_at, self._waiting) if at > now]
        if not due:
            return
        self._paced_out = True
        self._next_pace = asyncio.get_running_loop().call_at(min(due), self._seat)

    def _may(self, tenant_id: str) -> bool:
        if self.taken >= self._total or self._taken[tenant_id] >= self._cap(tenant_id):
            return False
        return self._due_at(tenant_id) <= _now()

    def _due_at(self, tenant_id: str) -> float:
        """When its pace lets a tenant begin the next one."""
        if self.pace is None or tenant_id not in self._paced_at or not self._shares.heavy(tenant_id):
            return -math.inf
        return self._paced_at[tenant_id] + 1 / self._pace_of(tenant_id, self.pace)

    def _pace_of(self, tenant_id: str, pace: float) -> float:
        allowance = self._cap(tenant_id)
        if self._shares.rate(tenant_id, _now(), allowance) > self._booked(tenant_id):
            return pace
        return max(pace, self._even * allowance)

    def _grant(self, tenant_id: str) -> None:
        self.taken += 1
        self._taken[tenant_id] += 1
        if self.pace is not None and self._shares.heavy(tenant_id):
            self._paced_at[tenant_id] = _now()

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
