"""A turn engine for one process without a database: for unit tests and for trying things out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from focal_service_kit import logging
from focal_turn_gateway.ports.engine import Hold

_AGAIN_S = 0.1

_log = logging.get("engine")


class InMemoryEngine:
    """`ports.TurnEngine` that forgets everything with its process."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._woken: dict[str, asyncio.Event] = {}

    def wake(self, tenant_id: str, session_id: str) -> None:
        """Drain the session, or tell its drain; tenants are all alike here."""
        self._wake(session_id)

    def _wake(self, session_id: str) -> None:
        woken = self._woken.get(session_id)
        if woken is not None:
            woken.set()
        else:
            self._queue.put_nowait(session_id)

    async def serve(self, drain: Callable[[Hold], Awaitable[None]]) -> None:
        """Drain sessions until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                session_id = await self._queue.get()
                if session_id not in self._woken:
                    hold = Hold(session_id, asyncio.Event())
                    self._woken[session_id] = hold.woken
                    group.create_task(self._one(hold, drain))

    async def _one(self, hold: Hold, drain: Callable[[Hold], Awaitable[None]]) -> None:
        try:
            await drain(hold)
        except Exception:  # noqa: BLE001
            _log.exception("drain failed, tried again", session=hold.session_id)
            await asyncio.sleep(_AGAIN_S)
            hold.woken.set()
        finally:
            del self._woken[hold.session_id]
            if hold.woken.is_set():
                self._wake(hold.session_id)
