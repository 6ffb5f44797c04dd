"""The order in which a process stops.

NOT_SERVING first, so that balancers look elsewhere; then the socket closes and new calls are
refused; then open streams are told to go; then running calls get their grace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import grpc.aio

from focal_service_kit import health, logging, settings

_log = logging.get("drain")


async def drain(
    server: grpc.aio.Server,
    readiness: health.Readiness,
    go_away: Sequence[Callable[[], Awaitable[None]]],
    chosen: settings.DrainSettings,
) -> None:
    """Stop `server`; returns when no call runs any more, after `grace_s` at the latest."""
    _log.info("draining", grace_s=chosen.grace_s)
    await readiness.refuse()
    await asyncio.sleep(chosen.settle_s)
    # stop() closes the socket at once and then waits for running calls until the grace is over.
    stopping = asyncio.create_task(server.stop(chosen.grace_s), name="server.stop")
    await asyncio.sleep(0)
    await _tell(go_away, chosen.grace_s)
    await stopping


async def _tell(go_away: Sequence[Callable[[], Awaitable[None]]], grace_s: float) -> None:
    try:
        async with asyncio.timeout(grace_s):
            for outcome in await asyncio.gather(
                *(callback() for callback in go_away), return_exceptions=True
            ):
                if isinstance(outcome, Exception):
                    _log.error("drain callback failed", exc_info=outcome)
    except TimeoutError:
        _log.warning("drain callbacks took longer than the grace")
