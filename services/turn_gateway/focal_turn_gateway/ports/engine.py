"""What sees that sessions are drained."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to drain one session.

    `woken` is set whenever the session may have something new; `lease` identifies the holder to the store and
    is None when the engine itself sees to it that a session has one drain at a time. A holder that waits does
    so inside `aside`, where it takes no place from others.
    """

    session_id: str
    woken: asyncio.Event
    lease: int | None = None
    aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext


class TurnEngine(Protocol):
    """Sees that a session is drained somewhere, one at a time, soon after a wake, and again if that process
    dies.
    """

    def wake(self, tenant_id: str, session_id: str) -> None:
        """Hint that the tenant's session has unanswered messages; never waits, may be lost."""

    async def serve(self, drain: Callable[[Hold], Awaitable[None]]) -> None:
        """Drain sessions with `drain` until cancelled."""
