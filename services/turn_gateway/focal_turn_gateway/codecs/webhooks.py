"""Webhooks and what is posted to them, to protobuf and JSON."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format

from focal.turn.v1 import event_pb2, webhook_pb2
from focal.turn.v1 import webhook_service_pb2 as pb
from focal_kernel import ids
from focal_service_kit import pages
from focal_turn_gateway.codecs import events, values
from focal_turn_gateway.domain import event_names, webhooks
from focal_turn_gateway.domain.events import StoredEvent
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.domain.webhooks import Delivery, DeliveryState, Webhook, WebhookChange


def body(event: StoredEvent, place: events.Place, max_bytes: int) -> tuple[str, bytes]:
    """Name and posted body of an event; one over the limit goes without its details."""
    encoded = events.event_to_proto(event, place)
    posted = _posted(encoded, truncated=False)
    if len(posted) > max_bytes:
        encoded.ClearField(encoded.WhichOneof("body") or "agent")
        posted = _posted(encoded, truncated=True)
    return encoded.name, posted


def _posted(event: event_pb2.FabricEvent, *, truncated: bool) -> bytes:
    document = {
        "id": event.event_id,
        "name": event.name,
        "tenant_id": event.tenant_id,
        "truncated": truncated,
        "event": json_format.MessageToDict(event, preserving_proto_field_name=True),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def webhook_to_proto(webhook: Webhook) -> webhook_pb2.Webhook:
    """A webhook; its secrets stay behind."""
    encoded = webhook_pb2.Webhook(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        patterns=webhook.patterns,
        enabled=webhook.enabled,
        disabled_reason=webhook.disabled_reason,
        exhausted_deliveries=webhook.exhausted,
    )
    for field in ("verified_at", "former_secret_until", "created_at", "updated_at"):
        _set_time(encoded, field, getattr(webhook, field))
    return encoded


def delivery_to_proto(delivery: Delivery) -> webhook_pb2.WebhookDelivery:
    """A delivery."""
    encoded = webhook_pb2.WebhookDelivery(
        delivery_id=str(delivery.delivery_id),
        webhook_id=delivery.webhook_id,
        event_id=f"{delivery.session_id}-{delivery.offset}",
        event_name=delivery.name,
        state=values.to_enum(webhook_pb2.WebhookDeliveryState, delivery.state.value),
        attempts=delivery.attempts,
        status_code=delivery.status_code,
        error=delivery.error,
    )
    pending = delivery.state is DeliveryState.PENDING
    _set_time(encoded, "next_attempt_at", delivery.next_attempt_at if pending else None)
    _set_time(encoded, "created_at", delivery.created_at)
    _set_time(encoded, "settled_at", delivery.settled_at)
    return encoded


def created_from_proto(request: pb.CreateWebhookRequest, *, allow_local: bool) -> WebhookChange:
    """A checked new webhook. Raises InvalidField."""
    return WebhookChange(
        webhooks.checked_url(request.url, allow_local=allow_local),
        event_names.checked_patterns(request.patterns),
        webhooks.checked_secret(request.secret),
        not request.disabled,
    )


def change_from_proto(request: pb.UpdateWebhookRequest, *, allow_local: bool) -> WebhookChange:
    """A checked change. Raises InvalidField."""
    url = webhooks.checked_url(request.url, allow_local=allow_local) if request.HasField("url") else None
    return WebhookChange(
        url,
        event_names.checked_patterns(request.patterns) if request.patterns else None,
        webhooks.checked_secret(request.secret) if request.HasField("secret") else None,
        request.enabled if request.HasField("enabled") else None,
    )


def request_of(request: Any) -> Request:
    """The id that makes a call repeatable, with what its content hashes to. Raises InvalidArgument."""
    if request.request_id:
        ids.check_foreign_id(request.request_id, "request_id")
    content = type(request)()
    content.CopyFrom(request)
    content.ClearField("request_id")
    return Request(request.request_id, ids.digest(content.SerializeToString(deterministic=True).hex()))


def state_from_proto(state: int) -> DeliveryState | None:
    """The state to list; None for all."""
    name = values.from_enum(webhook_pb2.WebhookDeliveryState, state)
    return None if name == "UNSPECIFIED" else DeliveryState(name)


def delivery_start(token: str, *query: str) -> int:
    """The delivery that a page starts behind, 0 for the first page. Raises BadToken."""
    position = pages.position(token, *query)
    if not position:
        return 0
    if not position.isascii() or not position.isdigit() or len(position) > 18:
        raise pages.BadToken
    return int(position)


def _set_time(encoded: Any, field: str, at: Any) -> None:
    if at is not None:
        getattr(encoded, field).FromDatetime(at)
