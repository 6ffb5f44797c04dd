"""Who may begin turns while tenants share a process that cannot keep up.

The number of turns that are begun between two looks grows and shrinks as a TCP connection's window does
(RFC 5681): doubled while nothing was late yet, then raised by one, cut by a share when turns come late. Late
is what a turn notices: each one passes the gateway's and the pipeline's event loops many times, and where
those are late every turn makes every other one slower. Turns begun are counted, and not those that run: one
that waits for its model costs nothing meanwhile.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """Heavy turns begun per look; up to `threshold` it grows fast."""

    turns: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Crowding:
    """`late_ms`: lateness above which fewer turns are begun, below half of which more are. `shrink`: factor
    of a step down. `least`, `first` and `most`: the lowest limit, the one when sharing begins, the highest.
    """

    late_ms: float
    shrink: float
    least: float
    first: float
    most: float

    def begin(self) -> Limit:
        """The limit when tenants begin to share."""
        return Limit(self.first, self.most)

    def after(self, limit: Limit, late_ms: float, used: bool) -> Limit:
        """The limit after a look. It rises only when it was `used` up: an unused one says nothing about what
        the process can bear.
        """
        if late_ms > self.late_ms:
            fewer = max(self.least, limit.turns * self.shrink)
            return Limit(fewer, fewer)
        if late_ms >= self.late_ms / 2 or not used:
            return limit
        slow = limit.turns + 1 if limit.turns >= 1 else limit.turns / self.shrink
        more = limit.turns * 2 if limit.turns < limit.threshold else slow
        return Limit(min(self.most, more), limit.threshold)


class Usual:
    """How late turns usually are: the lowest fifth of the last `looks` looks.

    What is late beyond it was caused by what runs now; a machine that is always a little late is not crowded.
    """

    def __init__(self, looks: int) -> None:
        self._looks: deque[float] = deque(maxlen=looks)

    def beyond(self, late_ms: float) -> float:
        """By how many ms a look's lateness is above the usual one, at least 0."""
        self._looks.append(late_ms)
        return max(0.0, late_ms - sorted(self._looks)[len(self._looks) // 5])


class Shares:
    """How much each tenant wanted lately, measured in what it may want; a want fades by 1/e in `memory_s`
    seconds, and a tenant that wanted nothing for `together_s` seconds is forgotten. Moments are seconds of
    one clock and never go back.
    """

    def __init__(self, memory_s: float, together_s: float) -> None:
        self._memory_s = memory_s
        self._together_s = together_s
        self._wanted: dict[str, float] = {}
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._all = 0.0
        self._origin = 0.0

    def want(self, tenant_id: str, now: float, allowance: int) -> None:
        """A tenant wants something of which it may have `allowance`, however much that is."""
        self._seen[tenant_id] = now
        self._seen.move_to_end(tenant_id)
        grown = self._grown(now) / allowance
        self._wanted[tenant_id] = self._wanted.get(tenant_id, 0.0) + grown
        self._all += grown

    def heavy(self, tenant_id: str) -> bool:
        """Whether a tenant wanted more than the mean of those who are here."""
        return self._wanted.get(tenant_id, 0.0) * len(self._seen) > self._all

    def rate(self, tenant_id: str, now: float, allowance: int) -> float:
        """How much a tenant wants a second, in what it may have `allowance` of."""
        return self._wanted.get(tenant_id, 0.0) * allowance / (self._grown(now) * self._memory_s)

    def even(self, now: float) -> float:
        """How much those who are not heavy want a second on average, in their allowances; 0 without any."""
        light = [wanted for tenant_id, wanted in self._wanted.items() if not self.heavy(tenant_id)]
        return sum(light) / (len(light) * self._grown(now) * self._memory_s) if light else 0.0

    def tenants(self, now: float) -> int:
        """How many are here."""
        while self._seen and next(iter(self._seen.values())) < now - self._together_s:
            tenant_id, _ = self._seen.popitem(last=False)
            self._all -= self._wanted.pop(tenant_id)
        return len(self._seen)

    def _grown(self, now: float) -> float:
        """What a want weighs now: instead of fading what was, what comes weighs more. Before numbers grow
        large, the scale is set back.
        """
        if now - self._origin > 100 * self._memory_s:
            fade = math.exp(max(-700.0, (self._origin - now) / self._memory_s))
            self._wanted = {tenant_id: wanted * fade for tenant_id, wanted in self._wanted.items()}
            self._all, self._origin = sum(self._wanted.values()), now
        return math.exp((now - self._origin) / self._memory_s)
