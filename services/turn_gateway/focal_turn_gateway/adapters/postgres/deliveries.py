"""The outbox as a person sees it."""

from __future__ import annotations

import json

import asyncpg

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.deliveries import Delivery, DeliveryFilter, DeliveryState, Resolve
from focal_turn_gateway.domain.triggers import Request

_PAGE = """
SELECT * FROM turns.outbox
WHERE tenant_id = $1 AND state = ANY($2) AND ($3 = '' OR destination = $3)
  AND ($4 = 0 OR outbox_id < $4) {further}
ORDER BY outbox_id DESC LIMIT $5
"""
_OF_TENANT = _PAGE.format(further="")
_UNSETTLED = _PAGE.format(further="AND state IN ('FAILED', 'IN_DOUBT')")
"""The condition is implied and leads to the index of the few that went wrong."""
_OF_SESSION = _PAGE.format(further="AND session_id = $6")
_RESOLVE = """
SELECT (r.delivery).*, r.refused FROM turns.resolve_delivery($1, $2, $3, $4, $5, $6, $7) r
WHERE (r.delivery).outbox_id IS NOT NULL
"""


class PostgresDeliveries:
    """`ports.Deliveries`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def page(self, tenant_id: str, matching: DeliveryFilter, before: int, limit: int) -> list[Delivery]:
        """Deliveries with an id below `before` (all when 0), latest first."""
        states = [state.value for state in matching.states]
        arguments = [tenant_id, states, matching.destination, before, limit]
        with failures.translated():
            if matching.session_id:
                rows = await self._pool.fetch(_OF_SESSION, *arguments, matching.session_id)
            elif set(states) <= {"FAILED", "IN_DOUBT"}:
                rows = await self._pool.fetch(_UNSETTLED, *arguments)
            else:
                rows = await self._pool.fetch(_OF_TENANT, *arguments)
        return [_delivery(row) for row in rows]

    async def resolve(self, tenant_id: str, resolve: Resolve, request: Request) -> Delivery:
        """Settle one. Raises DeliveryNotFound, DeliveryNotResolvable, RequestIdReused."""
        with failures.translated():
            row = await self._pool.fetchrow(
                _RESOLVE,
                tenant_id,
                resolve.delivery_id,
                resolve.resolution.value,
                resolve.reason,
                resolve.by,
                request.request_id,
                request.content_hash,
            )
        if row is None:
            raise errors.DeliveryNotFound(str(resolve.delivery_id))
        if row["refused"]:
            raise errors.DeliveryNotResolvable(str(resolve.delivery_id), row["state"])
        return _delivery(row)


def _delivery(row: asyncpg.Record) -> Delivery:
    payload = json.loads(row["payload"])
    return Delivery(
        delivery_id=row["outbox_id"],
        destination=row["destination"],
        session_id=row["session_id"],
        dedupe_key=row["dedupe_key"],
        turn_id=payload.get("turn_id", ""),
        segment=payload.get("segment", 0),
        part=payload.get("part", 0),
        channel=payload.get("channel", ""),
        recipient=payload.get("user_channel_id", ""),
        state=DeliveryState(row["state"]),
        reason=row["reason"],
        attempts=row["attempts"] - row["forgiven"],
        created_at=row["created_at"],
        next_attempt_at=row["next_attempt_at"],
        settled_at=row["settled_at"],
    )
