"""Open a turn without a customer message: make its cause durable, then see that somebody answers."""

from __future__ import annotations

from dataclasses import dataclass

from focal_turn_gateway.domain.triggers import Request, Trigger, Triggered
from focal_turn_gateway.ports.engine import TurnEngine
from focal_turn_gateway.ports.turns import TurnDesk


@dataclass(frozen=True, slots=True)
class TriggerTurn:
    """Nothing is acknowledged that is not stored."""

    desk: TurnDesk
    engine: TurnEngine

    async def __call__(self, trigger: Trigger, request: Request) -> Triggered:
        """The turn that is open for the cause.

        Raises SessionNotFound, SessionEnded, RequestIdReused, StoreUnavailable.
        """
        opened = await self.desk.trigger(trigger, request)
        # A repeat wakes too: the first try may have died between its commit and its wake.
        self.engine.wake(trigger.tenant_id, trigger.session_id)
        return opened
