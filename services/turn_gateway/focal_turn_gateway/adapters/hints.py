"""Wake hints between gateways on one Valkey channel: a session id, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from focal_turn_gateway.adapters.pubsub import PubSub

CHANNEL = "turns:wake"


class WakeHints:
    """`Hints` of the PostgreSQL engine."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub

    async def send(self, session_id: str) -> None:
        """Hint to all gateways; queued, so that a slow Valkey delays nobody."""
        self._pubsub.publish(CHANNEL, session_id.encode())

    async def listen(self, receive: Callable[[str], None]) -> None:
        """Receive hints until cancelled."""
        self._pubsub.subscribe(CHANNEL, lambda payload: receive(payload.decode(errors="replace")))
        try:
            await asyncio.Event().wait()
        finally:
            self._pubsub.unsubscribe(CHANNEL)
