"""What happened to the world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.effect import Effect, Query, Reservation, State, Wish


class EffectLedger(Protocol):
    """What happened to the world, and who may happen to it next. Every call raises Unavailable
    while the ledger is away."""

    async def reserve(self, wish: Wish) -> Reservation:
        """Raise the session's fence to the wish's epoch and reserve the effect, or say why not.

        A wish that undoes an effect is not refused by a newer epoch, and makes that effect COMPENSATING.
        """

    async def release(self, wish: Wish) -> None:
        """Undo a reservation of which only the request is known to have left: nothing was sent."""

    async def conclude(self, effect: Effect, state: State, answer: Answer, more_requests: int) -> Effect:
        """Record the end of a reservation; returns the effect as it then stands.

        Changes nothing when the reservation is not the latest one or the effect has ended otherwise. With the
        end of a compensation the effect that it undoes is COMPENSATED, or DONE again when it FAILED.
        `more_requests` counts requests beyond the first.
        """

    async def find(self, tenant_id: str, effect_id: str) -> Effect | None:
        """One effect, or None."""

    async def of_key(self, tenant_id: str, effect_key: str) -> Effect | None:
        """The effect with this key, or None."""

    async def fence(self, tenant_id: str, session_id: str, epoch: int) -> int:
        """Refuse lower epochs from now on; returns the epoch in force.

        Reservations of this session held by lost processes are IN_DOUBT afterwards.
        """

    async def of_group(self, tenant_id: str, session_id: str, turn_group_id: str) -> Sequence[Effect]:
        """Effects of a turn group in the order they were reserved, compensations left out."""

    async def page(self, query: Query) -> Sequence[Effect]:
        """Effects, newest first."""

    async def doubt_orphans(self) -> int:
        """Turn every reservation held by a lost process IN_DOUBT; returns how many there were."""
