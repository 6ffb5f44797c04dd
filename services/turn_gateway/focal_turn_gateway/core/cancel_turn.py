"""Stop a turn before its commit point, so that its attempts can neither commit nor act any more.

The toolbox is asked first, because only its ledger knows whether an irreversible effect has begun; then it is
fenced, and only then the session moves to the epoch that the fence stands at. What an attempt does in between
either happens before the fence, and is seen in its answer, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from focal_turn_gateway import errors
from focal_turn_gateway.domain import lifecycle
from focal_turn_gateway.domain.lifecycle import Standing, Step
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.domain.turns import OpenTurn, Turn, TurnStatus
from focal_turn_gateway.ports.engine import TurnEngine
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.pipeline import EffectFence
from focal_turn_gateway.ports.sessions import SessionReader
from focal_turn_gateway.ports.turns import TurnDesk

_TRIES = 3
"""Attempts may follow one another while a cancel is on its way; more than so many in a moment is odd."""


@dataclass(frozen=True, slots=True)
class CancelTurn:
    """A repeat of a cancel that happened answers the same, with or without its request id."""

    desk: TurnDesk
    reader: SessionReader
    fence: EffectFence
    engine: TurnEngine
    live: LiveFeed

    async def __call__(
        self, tenant_id: str, session_id: str, turn_id: str, by: str, reason: str, request: Request
    ) -> tuple[Turn, tuple[Message, ...]]:
        """The turn, and its messages, which stay unanswered. An empty `turn_id` means whichever runs.

        Raises SessionNotFound, TurnNotFound, NothingRuns, TurnClosed, CommitPointPassed, TurnMoved,
        RequestIdReused, FenceUnavailable, StoreUnavailable.
        """
        for _ in range(_TRIES):
            found = await self.desk.standing(tenant_id, session_id, turn_id, request)
            if found is None:
                raise errors.TurnNotFound(turn_id) if turn_id else errors.NothingRuns(session_id)
            if found.status is TurnStatus.CANCELLED:
                return await self._answer(found)
            if await self._stopped(found, by, reason, request):
                # Whoever runs the turn looks at the session when woken, and leaves.
                self.engine.wake(tenant_id, session_id)
                self.live.hint(session_id)
                return await self._answer(found)
        raise errors.TurnMoved(session_id)

    async def _stopped(self, turn: OpenTurn, by: str, reason: str, request: Request) -> bool:
        if turn.status in lifecycle.TERMINAL:
            raise errors.TurnClosed(turn.turn_id, turn.status)
        if turn.running and not await self._fenced(turn):
            return False
        return await self.desk.cancel(turn, by, reason, request)

    async def _fenced(self, turn: OpenTurn) -> bool:
        """Whether the turn's attempts cannot act any more; false when a newer one fenced meanwhile."""
        try:
            # Looked at before it is fenced: a turn that will be finished shall not be disturbed.
            committed = (
                turn.commit_reported
                or await self.fence.committed(turn)
                or (await self.fence.fence(turn)).committed
            )
        except errors.AttemptLost:
            return False
        except errors.AttemptFailed:
            raise errors.FenceUnavailable from None
        standing = Standing(turn.turn_id, turn.turn_group_id, turn.status, commit_point_reached=committed)
        if not lifecycle.allows(standing, Step.CANCEL):
            raise errors.CommitPointPassed(turn.turn_id)
        return True

    async def _answer(self, turn: OpenTurn) -> tuple[Turn, tuple[Message, ...]]:
        return (
            await self.reader.turn(turn.tenant_id, turn.turn_id),
            await self.reader.messages_of(turn.tenant_id, turn.turn_id),
        )
