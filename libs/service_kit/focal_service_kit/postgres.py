"""The pool of PostgreSQL connections, its readiness and its failures as errors of ours.

Limits are set per connection, so a frozen worker cannot hold a row for longer than they allow.
Migrations are in `migrations`, which this module does not import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from focal_kernel import errors
from focal_service_kit import settings

Connection = asyncpg.pool.PoolConnectionProxy | asyncpg.Connection


@asynccontextmanager
async def pool(
    chosen: settings.PostgresSettings, application: str, parameters: Mapping[str, str] | None = None
) -> AsyncIterator[asyncpg.Pool]:
    """A pool that closes on leaving; `application` names its sessions in pg_stat_activity.

    `parameters` are further server settings that each connection opens with (`plan_cache_mode`).

    Statements on a pooled connection must leave no session state behind (SET, LISTEN, session
    advisory locks): it is not reset between users, which saves a round trip per use.
    """
    async with asyncpg.create_pool(
        chosen.url,
        min_size=min(chosen.pool_min, chosen.pool_max),
        max_size=chosen.pool_max,
        timeout=chosen.connect_timeout_s,
        command_timeout=chosen.command_timeout_s,
        connect=_connect,
        server_settings={**server_settings(chosen, application), **(parameters or {})},
        reset=_no_reset,
    ) as opened:
        yield opened


def server_settings(chosen: settings.PostgresSettings, application: str) -> dict[str, str]:
    """What each connection is opened with; a limit of 0 is left to the server."""
    limits = {
        "statement_timeout": chosen.statement_timeout_ms,
        "lock_timeout": chosen.lock_timeout_ms,
        "idle_in_transaction_session_timeout": chosen.idle_in_transaction_timeout_ms,
        "transaction_timeout": chosen.transaction_timeout_ms,
    }
    return {
        "application_name": f"focal-{application}",
        **{name: str(limit) for name, limit in limits.items() if limit},
    }


def ready(opened: asyncpg.Pool) -> Callable[[], Awaitable[None]]:
    """A readiness check: one round trip on a pooled connection."""

    async def check() -> None:
        await opened.fetchval("SELECT 1")

    return check


def translate(raised: BaseException) -> errors.FocalError | None:
    """Connection losses and timeouts as errors a caller may repeat; None for anything else."""
    if isinstance(raised, asyncpg.QueryCanceledError | asyncpg.LockNotAvailableError | TimeoutError):
        return _away("the database took too long")
    if isinstance(raised, asyncpg.SerializationError | asyncpg.DeadlockDetectedError):
        return _away("a concurrent change won, try again")
    if isinstance(raised, _CONNECTION_LOST):
        return _away("the database is away")
    return None


_CONNECTION_LOST: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InterfaceError,
    # "another operation is in progress": the server's last words have arrived, the end of its line has not.
    asyncpg.InternalClientError,
    ConnectionError,
)


def _away(message: str) -> errors.Unavailable:
    return errors.Unavailable("DEPENDENCY_UNAVAILABLE", message, metadata={"dependency": "postgres"})


async def _connect(*arguments: Any, **options: Any) -> asyncpg.Connection:
    """Refused, unreachable and too slow all mean the same to a caller."""
    try:
        return await asyncpg.connect(*arguments, **options)
    except (OSError, TimeoutError) as error:
        raise _away("the database is away") from error


async def _no_reset(connection: Any) -> None:
    """Nothing, in place of a round trip per use; asyncpg has rolled an open transaction back by now."""
