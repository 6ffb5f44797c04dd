"""Counts the different calls of each turn, so that an agent that calls in a circle comes to an end.

Effects are counted by the ledger, exactly and over all toolboxes. Reads leave no row, so each process counts
those that it carries out, and takes them off what the turn may still effect. Compensations are not a turn's
wish and count for none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import cachetools

from focal_toolbox import errors
from focal_toolbox.core.preparing import Job
from focal_toolbox.domain import keys
from focal_toolbox.domain.effect import Outcome, Reservation, Wish


@dataclass(slots=True)
class _Turn:
    """What one turn did here: hashes of its reads, keys of its effects."""

    reads: set[str] = field(default_factory=set)
    effects: set[str] = field(default_factory=set)


class TurnCalls:
    """At most `limit` different calls a turn, 0 for any number. At most `kept` turns are remembered, each for
    `kept_s` seconds.
    """

    def __init__(self, limit: int, kept: int, kept_s: float) -> None:
        self._limit = limit
        self._turns: cachetools.TTLCache[tuple[str, ...], _Turn] = cachetools.TTLCache(kept, kept_s)

    def read(self, job: Job) -> Callable[[], None]:
        """Count a PURE call about to begin; returns what takes it off again if it does not begin after all.
        Refusal TOO_MANY_TOOL_CALLS when the turn has none left.
        """
        turn, call = self._reads(job)
        if call in turn.reads:
            return _counted_before
        if self._limit and len(turn.reads) + len(turn.effects) >= self._limit:
            raise too_many()
        turn.reads.add(call)
        return lambda: turn.reads.discard(call)

    def limited(self, wish: Wish) -> Wish:
        """The wish with what its turn may effect. It counts from now on, or a read beside it could take its
        place.
        """
        if not self._limit or wish.compensates:
            return wish
        turn = self._turn(wish.tenant_id, wish.session_id, wish.turn_id)
        turn.effects.add(wish.effect_key)
        return replace(wish, max_calls=max(self._limit - len(turn.reads), 0))

    def answered(self, wish: Wish, reservation: Reservation) -> None:
        """Count no effect that the ledger does not count for this turn."""
        found = reservation.effect
        known = reservation.outcome in {Outcome.EXISTS, Outcome.RUNNING}
        counted = known and found is not None and found.turn_id == wish.turn_id
        if reservation.outcome is not Outcome.RESERVED and not counted:
            self._turn(wish.tenant_id, wish.session_id, wish.turn_id).effects.discard(wish.effect_key)

    def _reads(self, job: Job) -> tuple[_Turn, str]:
        attempt = job.order.attempt
        turn = self._turn(attempt.tenant_id, attempt.session_id, attempt.turn_id)
        return turn, keys.read_key(job.order, job.arguments)

    def _turn(self, *key: str) -> _Turn:
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = _Turn()
        return turn


def _counted_before() -> None:
    """A repetition: the first call stays counted, whatever becomes of this one."""


def too_many() -> errors.Refusal:
    """The refusal of a call beyond the turn's last."""
    return errors.Refusal("TOO_MANY_TOOL_CALLS", "the turn has made as many different calls as it may")
