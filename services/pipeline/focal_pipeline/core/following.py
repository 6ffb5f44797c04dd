"""Follows config_watcher's pointers for as long as the process lives."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from focal_pipeline import errors
from focal_pipeline.core.runtimes import Runtimes
from focal_pipeline.ports import BundleSource
from focal_service_kit import logging

_log = logging.get("following")

Sleep = Callable[[float], Awaitable[None]]


async def follow(
    source: BundleSource,
    runtimes: Runtimes,
    *,
    first_pause_s: float,
    longest_pause_s: float,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Announce each pointer; when the stream ends, come back after a pause that doubles up to
    `longest_pause_s` and shrinks again with the first pointer received.
    """
    pause_s = first_pause_s
    while True:
        try:
            async for pointer in source.watch():
                pause_s = first_pause_s
                runtimes.announce(pointer)
        except errors.ConfigUnavailable:
            _log.info("config_watcher is away", retry_in_s=pause_s)
        await sleep(pause_s * random.uniform(0.75, 1.25))  # noqa: S311 - spreads replicas, no secret
        pause_s = min(2 * pause_s, longest_pause_s)
