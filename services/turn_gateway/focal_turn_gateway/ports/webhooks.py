"""What webhooks need of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.domain.webhooks import (
    Answer,
    ClaimedDelivery,
    Delivery,
    DeliveryState,
    Post,
    Webhook,
    WebhookChange,
)


class Webhooks(Protocol):
    """Keeps the webhooks of tenants; every method may raise StoreUnavailable."""

    async def create(self, tenant_id: str, made: WebhookChange, request: Request) -> Webhook:
        """Store a webhook of which all is set. Raises RequestIdReused, TooManyWebhooks."""

    async def update(
        self, tenant_id: str, webhook_id: str, change: WebhookChange, request: Request
    ) -> Webhook:
        """Change a webhook. Raises WebhookNotFound, RequestIdReused."""

    async def delete(self, tenant_id: str, webhook_id: str, request: Request) -> None:
        """Delete a webhook. Raises WebhookNotFound, RequestIdReused."""

    async def get(self, tenant_id: str, webhook_id: str) -> Webhook:
        """One webhook. Raises WebhookNotFound."""

    async def page(self, tenant_id: str, before: str, limit: int) -> list[Webhook]:
        """Webhooks with an id below `before` (all when empty), latest first."""

    async def secrets(self, tenant_id: str, webhook_id: str) -> tuple[str, ...]:
        """The secrets to sign with now. Raises WebhookNotFound."""

    async def verified(self, tenant_id: str, webhook_id: str, url: str) -> None:
        """Note that the receiver at `url` answered a challenge."""

    async def deliveries(
        self, webhook_id: str, state: DeliveryState | None, before: int, limit: int
    ) -> Sequence[Delivery]:
        """Deliveries of a webhook with an id below `before` (all when 0), latest first."""


class WebhookDeliveries(Protocol):
    """What is on its way to webhooks; every method may raise StoreUnavailable."""

    async def claim(self, limit: int) -> list[ClaimedDelivery]:
        """Take at most `limit` deliveries that are due."""

    async def delivered(self, delivery: ClaimedDelivery, answer: Answer) -> None:
        """The receiver has it."""

    async def postpone(self, delivery: ClaimedDelivery, answer: Answer, pause_s: float) -> None:
        """Try again after `pause_s` seconds."""

    async def exhausted(self, delivery: ClaimedDelivery, answer: Answer) -> bool:
        """Give it up; true when this disabled the webhook."""


class WebhookSender(Protocol):
    """Posts to receivers."""

    async def post(self, post: Post) -> Answer:
        """Post once; whatever goes wrong is an answer too."""
