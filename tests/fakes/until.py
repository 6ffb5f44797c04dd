"""Bounded waiting for a condition, instead of sleeping for luck."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

EVERY_S = 0.01


async def until(condition: Callable[[], Any], what: str, timeout_s: float = 20) -> None:
    """Return once `condition()`, or what it awaits, is true; else AssertionError naming `what`."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                found = condition()
                if await found if inspect.isawaitable(found) else found:
                    return
                await asyncio.sleep(EVERY_S)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {what}") from None
