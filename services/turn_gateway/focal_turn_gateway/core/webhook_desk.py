"""Ask a webhook's receiver: whether it is the one that was meant, and whether posts arrive."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from focal_kernel import ids
from focal_turn_gateway.domain.webhooks import Answer, Post
from focal_turn_gateway.ports.webhooks import Webhooks, WebhookSender

TEST_NAME = "custom.webhook.test"


@dataclass(frozen=True, slots=True)
class WebhookDesk:
    """Both questions are posted once and signed as events are."""

    store: Webhooks
    sender: WebhookSender

    async def verify(self, tenant_id: str, webhook_id: str) -> tuple[bool, Answer]:
        """Post a challenge that must come back. Raises WebhookNotFound, StoreUnavailable."""
        challenge = secrets.token_urlsafe(32)
        webhook = await self.store.get(tenant_id, webhook_id)
        answer = await self._post(
            tenant_id, webhook_id, webhook.url, "challenge", {"type": "challenge", "challenge": challenge}
        )
        if not answer.accepted:
            return False, answer
        if challenge not in answer.text:
            return False, Answer(answer.status_code, "the answer does not hold the challenge")
        await self.store.verified(tenant_id, webhook_id, webhook.url)
        return True, answer

    async def test(self, tenant_id: str, webhook_id: str) -> Answer:
        """Post an event that never happened. Raises WebhookNotFound, StoreUnavailable."""
        webhook = await self.store.get(tenant_id, webhook_id)
        event_id = ids.new_id("evt")
        made_up = {
            "id": event_id,
            "name": TEST_NAME,
            "tenant_id": tenant_id,
            "truncated": False,
            "event": {"event_id": event_id, "name": TEST_NAME, "tenant_id": tenant_id},
        }
        return await self._post(tenant_id, webhook_id, webhook.url, TEST_NAME, made_up)

    async def _post(
        self, tenant_id: str, webhook_id: str, url: str, name: str, document: dict[str, object]
    ) -> Answer:
        signing = await self.store.secrets(tenant_id, webhook_id)
        event_id = str(document.get("id", ids.new_id("evt")))
        body = json.dumps(document, separators=(",", ":")).encode()
        return await self.sender.post(Post(url, signing, ids.new_id("del"), event_id, name, body))
