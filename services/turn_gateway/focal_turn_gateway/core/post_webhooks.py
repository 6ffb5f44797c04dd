"""Post events to webhooks: many at once, a few per webhook, so that a slow receiver holds up only itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from focal_service_kit import logging, tasks
from focal_turn_gateway import errors
from focal_turn_gateway.domain.webhooks import Answer, ClaimedDelivery, Retries
from focal_turn_gateway.ports.webhooks import WebhookDeliveries, WebhookSender

_GONE = Answer(0, "the event is past its retention")
_log = logging.get("webhooks")


@dataclass(frozen=True, slots=True)
class PostWebhooks:
    """At most `parallel` posts at once; new deliveries are looked for every `poll_s` seconds."""

    store: WebhookDeliveries
    sender: WebhookSender
    retries: Retries
    parallel: int
    poll_s: float

    async def run(self) -> None:
        """Post until cancelled. A claim lapses by itself, so what is cut off here is posted again."""
        flying: set[asyncio.Task[None]] = set()
        try:
            while True:
                taken = await self._claim(self.parallel - len(flying))
                flying |= {asyncio.create_task(self._attempt(each), name="webhook post") for each in taken}
                flying = await self._some_landed(flying)
        finally:
            await tasks.cancel(flying)

    async def _claim(self, room: int) -> list[ClaimedDelivery]:
        if room <= 0:
            return []
        try:
            return await self.store.claim(room)
        except errors.StoreUnavailable:
            return []

    async def _some_landed(self, flying: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """What still flies, after a pause, or earlier when one landed and there is room again."""
        if not flying:
            await asyncio.sleep(self.poll_s)
            return flying
        landed, left = await asyncio.wait(flying, timeout=self.poll_s, return_when=asyncio.FIRST_COMPLETED)
        for task in landed:
            task.result()
        return left

    async def _attempt(self, delivery: ClaimedDelivery) -> None:
        answer = _GONE if delivery.post is None else await self.sender.post(delivery.post)
        try:
            await self._settle(delivery, answer)
        except errors.StoreUnavailable:
            _log.warning("webhook post not noted, it will be repeated", webhook=delivery.webhook_id)

    async def _settle(self, delivery: ClaimedDelivery, answer: Answer) -> None:
        if answer.accepted:
            await self.store.delivered(delivery, answer)
            return
        pause_s = self.retries.pause_s(delivery.attempts)
        if pause_s is not None and not answer.final and delivery.post is not None:
            await self.store.postpone(delivery, answer, pause_s)
            return
        disabled = await self.store.exhausted(delivery, answer)
        _log.warning(
            "webhook delivery given up",
            tenant=delivery.tenant_id,
            webhook=delivery.webhook_id,
            attempts=delivery.attempts,
            why=answer.problem,
            disabled=disabled,
        )
