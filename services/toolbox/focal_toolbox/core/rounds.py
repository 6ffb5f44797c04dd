"""Work that is done again and again by every toolbox, not in step with the others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from focal_kernel.errors import Unavailable
from focal_service_kit import logging

_log = logging.get("rounds")


async def repeat(name: str, interval_s: float, once: Callable[[], Awaitable[object]]) -> None:
    """Call `once` every `interval_s` seconds ± 25 % until cancelled; a ledger that is away is tried again in
    the next round.
    """
    while True:
        await asyncio.sleep(interval_s * random.uniform(0.75, 1.25))  # noqa: S311 - spread, not secrecy
        try:
            await once()
        except Unavailable as away:
            _log.warning("round skipped", of=name, error=away.message)
