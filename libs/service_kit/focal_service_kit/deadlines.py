"""How long the current work may still take, carried from hop to hop.

gRPC enforces a deadline on one hop only; the server's layer notes it here and channels cap each
outgoing call by what remains.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar

_expires_at: ContextVar[float | None] = ContextVar("focal_deadline", default=None)


def remaining() -> float | None:
    """Seconds left, never below zero, or None when nothing limits the current work."""
    expires_at = _expires_at.get()
    return None if expires_at is None else max(0.0, expires_at - time.monotonic())


def cap(timeout_s: float | None) -> float | None:
    """The smaller of `timeout_s` and what remains; None when neither limits."""
    left = remaining()
    if left is None or timeout_s is None:
        return timeout_s if left is None else left
    return min(left, timeout_s)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit the enclosed work to `seconds`; an earlier limit around it stays in force."""
    limit = cap(seconds)
    assert limit is not None
    token = _expires_at.set(time.monotonic() + limit)
    try:
        yield
    finally:
        _expires_at.reset(token)


def detached() -> Context:
    """A context for `asyncio.create_task(…, context=…)` when work must outlive the current RPC.

    It carries neither deadline nor caller nor log fields.
    """
    return Context()


def begin(seconds: float | None) -> None:
    """Start an RPC's own limit; its task's context ends with it, so nothing is restored."""
    _expires_at.set(None if seconds is None else time.monotonic() + seconds)
