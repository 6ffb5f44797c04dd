"""Request ids: the first use of one is remembered with its response, inside its transaction."""

from asyncpg import Connection
from asyncpg.pool import PoolConnectionProxy

from focal_config_watcher import errors
from focal_config_watcher.domain.command import Request

Connected = Connection | PoolConnectionProxy


async def begin(connection: Connected, scope: str, method: str, request: Request) -> str | None:
    """None for a first use, which is now taken; the stored response for a repeat.

    Waits for a first use that is still in its transaction. REQUEST_ID_REUSED.
    """
    if not request.request_id:
        return None
    taken = await connection.fetchval(
        """
        INSERT INTO config.requests (scope, method, request_id, fingerprint)
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true
        """,
        *(scope, method, request.request_id, request.fingerprint),
    )
    return None if taken else await stored(connection, scope, method, request)


async def stored(connection: Connected, scope: str, method: str, request: Request) -> str | None:
    """The response of an earlier use, None when there was none. REQUEST_ID_REUSED."""
    if not request.request_id:
        return None
    row = await connection.fetchrow(
        """
        SELECT fingerprint, response FROM config.requests
        WHERE scope = $1 AND method = $2 AND request_id = $3
        """,
        *(scope, method, request.request_id),
    )
    if row is None:
        return None
    if row["fingerprint"] != request.fingerprint:
        raise errors.request_id_reused(request.request_id)
    return str(row["response"])


async def finish(connection: Connected, scope: str, method: str, request: Request, response: str) -> None:
    """Remember the response; an unnamed request is not remembered."""
    if not request.request_id:
        return
    await connection.execute(
        """
        INSERT INTO config.requests (scope, method, request_id, fingerprint, response)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (scope, method, request_id) DO UPDATE SET response = excluded.response
        """,
        *(scope, method, request.request_id, request.fingerprint, response),
    )
