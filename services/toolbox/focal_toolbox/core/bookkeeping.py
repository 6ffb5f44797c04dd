"""Writes effects down: reserves them within what their turn may call, and insists on recording their ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from focal_kernel.errors import Unavailable
from focal_service_kit import logging
from focal_toolbox.core.runs import Runs
from focal_toolbox.core.turn_calls import TurnCalls
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.effect import Effect, Reservation, State, Wish
from focal_toolbox.ports.ledger import EffectLedger

T = TypeVar("T")

LAST_WORD_S = 1.0
"""Seconds a cancelled run takes to note its doubt; the process is about to exit."""

INTERRUPTED = Answer(Verdict.UNKNOWN, reason="interrupted")

_log = logging.get("effects")


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between tries to reach a ledger that is away: the first, then doubled up to the longest."""

    first_s: float = 0.05
    longest_s: float = 1.0


class Books:
    """The ledger as a run of this process uses it."""

    def __init__(self, ledger: EffectLedger, turn_calls: TurnCalls, runs: Runs, pauses: Pauses) -> None:
        self._ledger = ledger
        self._turn_calls = turn_calls
        self._runs = runs
        self._pauses = pauses

    async def reserve(self, wish: Wish) -> Reservation:
        """As `EffectLedger.reserve`, within what the turn may call."""
        limited = self._turn_calls.limited(wish)
        try:
            reservation = await self._ledger.reserve(limited)
        except Unavailable:
            # The reservation may stand although its reply was lost.
            self._runs.start(f"release {wish.effect_key}", self.insist(lambda: self._ledger.release(wish)))
            raise
        self._turn_calls.answered(wish, reservation)
        return reservation

    async def conclude(self, effect: Effect, state: State, answer: Answer, more_requests: int) -> Effect:
        """As `EffectLedger.conclude`, until the ledger takes it: nobody else knows what happened."""
        return await self.insist(lambda: self._ledger.conclude(effect, state, answer, more_requests))

    async def interrupted(self, effect: Effect) -> None:
        """Note in a hurry that nobody will know what became of the effect."""
        async with asyncio.timeout(LAST_WORD_S):
            await self._ledger.conclude(effect, State.IN_DOUBT, INTERRUPTED, 0)

    async def of_key(self, tenant_id: str, effect_key: str) -> Effect | None:
        """The effect of a key, or None."""
        return await self._ledger.of_key(tenant_id, effect_key)

    async def look(self, effect: Effect) -> Effect:
        """The effect as it stands now."""
        return await self._ledger.find(effect.tenant_id, effect.effect_id) or effect

    async def insist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write, again and again while the ledger is away."""
        pause = self._pauses.first_s
        while True:
            try:
                return await write()
            except Unavailable as away:
                _log.warning("ledger is away, recording later", error=away.message)
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._pauses.longest_s)
