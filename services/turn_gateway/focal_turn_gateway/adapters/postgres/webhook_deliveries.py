"""What is on its way to webhooks: claimed within limits, settled once per attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from focal_turn_gateway.adapters.postgres import failures, records
from focal_turn_gateway.codecs import webhooks as codec
from focal_turn_gateway.codecs.events import Place
from focal_turn_gateway.domain.events import StoredEvent
from focal_turn_gateway.domain.webhooks import Answer, ClaimedDelivery, DeliveryState, Post

_CLAIM = "SELECT * FROM turns.claim_webhook_deliveries($1, $2, $3, $4)"
_SETTLE = "SELECT turns.settle_webhook_delivery($1, $2, $3, $4, $5, $6, $7)"


@dataclass(frozen=True, slots=True)
class Pace:
    """What one webhook may have in flight and be posted a minute, after how many seconds a claim lapses, and
    how many deliveries given up in a row disable it.
    """

    in_flight: int
    per_minute: int
    claim_s: float
    most_exhausted: int


class PostgresWebhookDeliveries:
    """`ports.webhooks.WebhookDeliveries`. A body over `max_bytes` is posted without its event's details."""

    def __init__(self, pool: asyncpg.Pool, pace: Pace, max_bytes: int) -> None:
        self._pool = pool
        self._pace = pace
        self._max_bytes = max_bytes

    async def claim(self, limit: int) -> list[ClaimedDelivery]:
        """Take at most `limit` deliveries that are due, webhook by webhook."""
        pace = self._pace
        with failures.translated():
            rows = await self._pool.fetch(
                _CLAIM, limit, pace.in_flight, pace.per_minute, timedelta(seconds=pace.claim_s)
            )
        return [
            ClaimedDelivery(
                row["delivery_id"], row["webhook_id"], row["tenant_id"], row["attempts"], self._post(row)
            )
            for row in rows
        ]

    async def delivered(self, delivery: ClaimedDelivery, answer: Answer) -> None:
        """The receiver has it."""
        await self._settle(delivery, DeliveryState.DELIVERED, answer, 0)

    async def postpone(self, delivery: ClaimedDelivery, answer: Answer, pause_s: float) -> None:
        """Try again after `pause_s` seconds."""
        await self._settle(delivery, DeliveryState.PENDING, answer, pause_s)

    async def exhausted(self, delivery: ClaimedDelivery, answer: Answer) -> bool:
        """Give it up; true when this disabled the webhook."""
        return await self._settle(delivery, DeliveryState.EXHAUSTED, answer, 0)

    async def _settle(
        self, delivery: ClaimedDelivery, state: DeliveryState, answer: Answer, pause_s: float
    ) -> bool:
        with failures.translated():
            return bool(
                await self._pool.fetchval(
                    _SETTLE,
                    delivery.delivery_id,
                    delivery.attempts,
                    state.value,
                    answer.status_code,
                    answer.problem,
                    timedelta(seconds=pause_s),
                    self._pace.most_exhausted,
                )
            )

    def _post(self, row: asyncpg.Record) -> Post | None:
        if row["body"] is None:
            return None
        event = StoredEvent(
            row["session_id"],
            row["offset"],
            row["occurred_at"],
            records.event_body(row["kind"], row["body"]),
            row["turn_id"],
            row["attempt"],
            row["trace_id"],
        )
        name, body = codec.body(
            event, Place(row["tenant_id"], row["agent_id"], row["channel"]), self._max_bytes
        )
        return Post(row["url"], tuple(row["secrets"]), str(row["delivery_id"]), event.event_id, name, body)
