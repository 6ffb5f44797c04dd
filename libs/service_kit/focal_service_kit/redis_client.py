"""The connection to Redis or Valkey: short timeouts, no retries.

What goes there may be lost or rebuilt, so a slow server must never delay the durable path.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from focal_kernel import errors
from focal_service_kit import settings


@asynccontextmanager
async def connect(chosen: settings.RedisSettings) -> AsyncIterator[redis.asyncio.Redis]:
    """A client whose commands return bytes; it connects at the first command."""
    client = redis.asyncio.Redis.from_url(
        chosen.url,
        socket_connect_timeout=chosen.connect_timeout_s,
        socket_timeout=chosen.timeout_s,
        max_connections=chosen.max_connections,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield client
    finally:
        await client.aclose()


def ready(client: redis.asyncio.Redis) -> Callable[[], Awaitable[None]]:
    """A readiness check: one PING."""

    async def check() -> None:
        if not await client.ping():
            raise RedisConnectionError("no answer to PING")

    return check


def translate(raised: BaseException) -> errors.FocalError | None:
    """Any failure to talk to Redis as an error a caller may repeat; None for anything else."""
    if not isinstance(raised, RedisError):
        return None
    return errors.Unavailable(
        "DEPENDENCY_UNAVAILABLE", "the cache server is away", metadata={"dependency": "redis"}
    )
