"""Domain values as the JSON that rows and SQL functions carry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from focal_service_kit import tracing
from focal_turn_gateway.domain import events
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.turns import Attempt, Turn

ATTEMPT = TypeAdapter(Attempt)
MESSAGES = TypeAdapter(tuple[Message, ...])
TURN = TypeAdapter(Turn)

_BODIES: Mapping[str, TypeAdapter[Any]] = {
    kind: TypeAdapter(body)
    for kind, body in {
        "message_received": events.MessageReceived,
        "turn_started": events.TurnStarted,
        "turn_aggregated": events.TurnAggregated,
        "supersede_decided": events.SupersedeDecided,
        "turn_superseded": events.TurnSuperseded,
        "turn_completed": events.TurnCompleted,
        "turn_failed": events.TurnFailed,
        "turn_cancelled": events.TurnCancelled,
        "events_dropped": events.EventsDropped,
        "webhook_disabled": events.WebhookDisabled,
        "receipt_reported": events.ReceiptReported,
        "abuse_suspected": events.AbuseSuspected,
        "abuse_blocked": events.AbuseBlocked,
        "abuse_lifted": events.AbuseLifted,
        "session_updated": events.SessionUpdated,
        "session_ended": events.SessionEnded,
        "reply_fallback": events.ReplyFallback,
        "delivery_updated": events.DeliveryUpdated,
        "agent": events.AgentReported,
    }.items()
}
_KINDS = {adapter._type: kind for kind, adapter in _BODIES.items()}  # noqa: SLF001


def event_body(kind: str, body: str) -> events.Body:
    """The body of a stored event."""
    decoded: events.Body = _BODIES[kind].validate_json(body)
    return decoded


def events_json(batch: Iterable[events.Event]) -> str:
    """Events as `turns.append_events` takes them, with the trace that this is part of."""
    trace_id = tracing.current_trace_id()
    return json.dumps(
        [
            {
                "kind": _KINDS[type(event.body)],
                "turn_id": event.turn_id,
                "attempt": event.attempt,
                "trace_id": trace_id,
                "body": _BODIES[_KINDS[type(event.body)]].dump_python(event.body, mode="json"),
            }
            for event in batch
        ]
    )
