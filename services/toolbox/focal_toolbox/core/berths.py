"""Places in which calls run: so many of one tenant, so many at one host, shared fairly."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass

from focal_service_kit import deadlines
from focal_toolbox import errors

_Queues = OrderedDict[str, deque[asyncio.Future[None]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """`per_host` calls at one host at once, of which one tenant may have its cap times `share`, so that a
    slow host never has all places of a tenant. Of each tenant `waiting` calls may wait for a host, for
    `wait_s` seconds.
    """

    per_host: int = 64
    share: float = 0.8
    waiting: int = 64
    wait_s: float = 2.0


class Berths:
    """A place that becomes free at a host goes to the tenant that has the fewest there, in turn between
    equals, whoever came first: a tenant that floods a host waits behind itself.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._caps: dict[str, int] = {}
        self._of_tenant: Counter[str] = Counter()
        self._at_host: Counter[str] = Counter()
        self._of_both: Counter[tuple[str, str]] = Counter()
        self._waiting: dict[str, _Queues] = {}

    async def take(self, tenant_id: str, cap: int, host: str) -> Berth:
        """A place of a tenant that may have `cap` of them, waited for if there is none.

        Refusal TOOLBOX_BUSY when too many wait already or the wait takes too long.
        """
        self._caps[tenant_id] = cap
        if tenant_id not in self._waiting.get(host, ()) and self._may(tenant_id, host):
            self._occupy(tenant_id, host)
        else:
            await self._wait(tenant_id, host)
        return Berth(self, tenant_id, host)

    def give(self, tenant_id: str, host: str) -> None:
        """Give a place back, to whoever is next at its host, or waits elsewhere for its tenant's."""
        for taken, key in ((self._of_tenant, tenant_id), (self._at_host, host)):
            taken[key] -= 1
            if not taken[key]:
                del taken[key]
        self._of_both[tenant_id, host] -= 1
        if not self._of_both[tenant_id, host]:
            del self._of_both[tenant_id, host]
        for other in [host, *(each for each, queues in self._waiting.items() if tenant_id in queues)]:
            self._seat(other)
        self._forget(tenant_id)

    def taken(self) -> int:
        """Calls under way."""
        return self._of_tenant.total()

    def waiting(self) -> int:
        """Calls that wait."""
        return sum(len(queue) for queues in self._waiting.values() for queue in queues.values())

    async def _wait(self, tenant_id: str, host: str) -> None:
        queues = self._waiting.setdefault(host, OrderedDict())
        queue = queues.setdefault(tenant_id, deque())
        if len(queue) >= self._limits.waiting:
            raise self._busy(tenant_id, host)
        granted = asyncio.get_running_loop().create_future()
        queue.append(granted)
        try:
            await asyncio.wait([granted], timeout=deadlines.cap(self._limits.wait_s))
        except asyncio.CancelledError:
            if granted.done():
                self.give(tenant_id, host)
            else:
                self._withdraw(tenant_id, host, granted)
            raise
        if not granted.done():
            self._withdraw(tenant_id, host, granted)
            raise self._busy(tenant_id, host)

    def _withdraw(self, tenant_id: str, host: str, granted: asyncio.Future[None]) -> None:
        self._waiting[host][tenant_id].remove(granted)
        self._tidy(tenant_id, host)
        self._forget(tenant_id)

    def _seat(self, host: str) -> None:
        while (tenant_id := self._next(host)) is not None:
            queues = self._waiting[host]
            granted = queues[tenant_id].popleft()
            queues.move_to_end(tenant_id)
            self._tidy(tenant_id, host)
            self._occupy(tenant_id, host)
            granted.set_result(None)

    def _next(self, host: str) -> str | None:
        free = [each for each in self._waiting.get(host, ()) if self._may(each, host)]
        return min(free, key=lambda each: self._of_both[each, host], default=None)

    def _may(self, tenant_id: str, host: str) -> bool:
        cap = self._caps[tenant_id]
        return (
            self._at_host[host] < self._limits.per_host
            and self._of_tenant[tenant_id] < cap
            and self._of_both[tenant_id, host] < max(1, int(cap * self._limits.share))
        )

    def _occupy(self, tenant_id: str, host: str) -> None:
        self._of_tenant[tenant_id] += 1
        self._at_host[host] += 1
        self._of_both[tenant_id, host] += 1

    def _tidy(self, tenant_id: str, host: str) -> None:
        queues = self._waiting[host]
        if not queues[tenant_id]:
            del queues[tenant_id]
        if not queues:
            del self._waiting[host]

    def _forget(self, tenant_id: str) -> None:
        if tenant_id not in self._of_tenant and not any(tenant_id in each for each in self._waiting.values()):
            self._caps.pop(tenant_id, None)

    def _busy(self, tenant_id: str, host: str) -> errors.Refusal:
        whose = "of the tenant" if self._at_host[host] < self._limits.per_host else "at the provider"
        text = f"as many calls {whose} are under way as may be, and others wait"
        return errors.Refusal("TOOLBOX_BUSY", text, passing=True, retry_after_s=self._limits.wait_s)


class Berth:
    """One place; it may be left once."""

    def __init__(self, berths: Berths, tenant_id: str, host: str) -> None:
        self._berths = berths
        self._key = (tenant_id, host)
        self._held = True

    def leave(self) -> None:
        """Give it back, if it is still held."""
        if self._held:
            self._held = False
            self._berths.give(*self._key)
