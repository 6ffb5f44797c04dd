"""Webhooks on the schema `turns`. Secrets are written and used here and never read back to callers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg

from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.domain.webhooks import Delivery, DeliveryState, Webhook, WebhookChange

_SHOWN = """
webhook_id, url, patterns, enabled, disabled_reason, exhausted, verified_at, former_secret_until, created_at,
updated_at
"""
_CREATE = f"SELECT {_SHOWN} FROM turns.create_webhook($1, $2, $3, $4, $5, $6, $7, $8, $9)"  # noqa: S608
_UPDATE = f"SELECT {_SHOWN} FROM turns.update_webhook($1, $2, $3, $4, $5, $6, $7, $8, $9)"  # noqa: S608
_GET = f"SELECT {_SHOWN} FROM turns.webhooks WHERE tenant_id = $1 AND webhook_id = $2"  # noqa: S608
_LIST = f"""
SELECT {_SHOWN} FROM turns.webhooks WHERE tenant_id = $1 AND ($2 = '' OR webhook_id < $2)
ORDER BY webhook_id DESC LIMIT $3
"""  # noqa: S608
_SECRETS = """
SELECT CASE WHEN former_secret_until > clock_timestamp() THEN ARRAY[secret, former_secret]
            ELSE ARRAY[secret] END
FROM turns.webhooks WHERE tenant_id = $1 AND webhook_id = $2
"""
_VERIFIED = """
UPDATE turns.webhooks SET verified_at = clock_timestamp()
WHERE tenant_id = $1 AND webhook_id = $2 AND url = $3
"""
_DELIVERIES = """
SELECT delivery_id, webhook_id, session_id, "offset", name, state, attempts, status_code, error,
       next_attempt_at, created_at, settled_at
FROM turns.webhook_deliveries
WHERE webhook_id = $1 AND ($2 = '' OR state = $2) AND ($3 = 0 OR delivery_id < $3)
ORDER BY delivery_id DESC LIMIT $4
"""


class PostgresWebhooks:
    """`ports.webhooks.Webhooks`. `most` webhooks a tenant may have; a former secret signs for `former_s`
    seconds.
    """

    def __init__(self, pool: asyncpg.Pool, *, most: int, former_s: float) -> None:
        self._pool = pool
        self._most = most
        self._former = timedelta(seconds=former_s)

    async def create(self, tenant_id: str, made: WebhookChange, request: Request) -> Webhook:
        """Store a webhook. Raises RequestIdReused, TooManyWebhooks."""
        row = await self._call(
            _CREATE,
            tenant_id,
            ids.new_id("whk"),
            made.url,
            made.patterns,
            made.secret,
            made.enabled,
            self._most,
            request.request_id,
            request.content_hash,
        )
        if row is None:
            raise errors.TooManyWebhooks(self._most)
        return _webhook(row)

    async def update(
        self, tenant_id: str, webhook_id: str, change: WebhookChange, request: Request
    ) -> Webhook:
        """Change a webhook. Raises WebhookNotFound, RequestIdReused."""
        row = await self._call(
            _UPDATE,
            tenant_id,
            webhook_id,
            change.url,
            change.patterns,
            change.secret,
            change.enabled,
            self._former,
            request.request_id,
            request.content_hash,
        )
        return _webhook(_found(row, webhook_id))

    async def delete(self, tenant_id: str, webhook_id: str, request: Request) -> None:
        """Delete a webhook. Raises WebhookNotFound, RequestIdReused."""
        row = await self._call(
            "SELECT turns.delete_webhook($1, $2, $3, $4) OR NULL AS found",
            tenant_id,
            webhook_id,
            request.request_id,
            request.content_hash,
        )
        if row is None or not row["found"]:
            raise errors.WebhookNotFound(webhook_id)

    async def get(self, tenant_id: str, webhook_id: str) -> Webhook:
        """One webhook. Raises WebhookNotFound."""
        with failures.translated():
            row = await self._pool.fetchrow(_GET, tenant_id, webhook_id)
        return _webhook(_found(row, webhook_id))

    async def page(self, tenant_id: str, before: str, limit: int) -> list[Webhook]:
        """Webhooks with an id below `before` (all when empty), latest first."""
        with failures.translated():
            rows = await self._pool.fetch(_LIST, tenant_id, before, limit)
        return [_webhook(row) for row in rows]

    async def secrets(self, tenant_id: str, webhook_id: str) -> tuple[str, ...]:
        """The secrets to sign with now. Raises WebhookNotFound."""
        with failures.translated():
            found = await self._pool.fetchval(_SECRETS, tenant_id, webhook_id)
        if found is None:
            raise errors.WebhookNotFound(webhook_id)
        return tuple(found)

    async def verified(self, tenant_id: str, webhook_id: str, url: str) -> None:
        """Note that the receiver at `url` answered a challenge."""
        with failures.translated():
            await self._pool.execute(_VERIFIED, tenant_id, webhook_id, url)

    async def deliveries(
        self, webhook_id: str, state: DeliveryState | None, before: int, limit: int
    ) -> list[Delivery]:
        """Deliveries with an id below `before` (all when 0), latest first."""
        with failures.translated():
            rows = await self._pool.fetch(
                _DELIVERIES, webhook_id, "" if state is None else state.value, before, limit
            )
        return [Delivery(**{**dict(row), "state": DeliveryState(row["state"])}) for row in rows]

    async def _call(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        with failures.translated():
            return await self._pool.fetchrow(query, *arguments)


def _found(row: asyncpg.Record | None, webhook_id: str) -> asyncpg.Record:
    if row is None:
        raise errors.WebhookNotFound(webhook_id)
    return row


def _webhook(row: asyncpg.Record) -> Webhook:
    return Webhook(**{**dict(row), "patterns": tuple(row["patterns"])})
