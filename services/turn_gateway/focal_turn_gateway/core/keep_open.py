"""Keep an accumulation window open while the customer is typing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from focal_turn_gateway import errors
from focal_turn_gateway.ports.engine import TurnEngine
from focal_turn_gateway.ports.messages import MessageStore


@dataclass(frozen=True, slots=True)
class KeepOpen:
    """`typing_ms` is the pause from a sign of typing on, in milliseconds; 0 ignores typing. `stopped_ms` is
    what is left at least when the typing stops: clients say so just before the message.
    """

    store: MessageStore
    engine: TurnEngine
    typing_ms: int
    stopped_ms: int

    async def __call__(self, tenant_id: str, session_id: str) -> None:
        """Note that the customer types. Losing the sign costs a shorter window and nothing else."""
        if self.typing_ms:
            with suppress(errors.StoreUnavailable):
                await self.store.extend_window(tenant_id, session_id, self.typing_ms)

    async def stopped(self, tenant_id: str, session_id: str) -> None:
        """Note that the customer stopped. Losing the sign costs a longer window and nothing else."""
        if self.typing_ms:
            with suppress(errors.StoreUnavailable):
                if await self.store.end_typing(tenant_id, session_id, self.stopped_ms):
                    # Who waits for the window has its old end in mind.
                    self.engine.wake(tenant_id, session_id)
