"""Fabric events and live text to protobuf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from focal.turn.v1 import event_pb2, session_pb2, turn_gateway_service_pb2, turn_pb2
from focal_turn_gateway.codecs import abuse, turns, values
from focal_turn_gateway.domain import event_names, events


@dataclass(frozen=True, slots=True)
class Place:
    """What every event of a session repeats."""

    tenant_id: str
    agent_id: str
    channel: str


def event_to_proto(event: events.StoredEvent, place: Place) -> event_pb2.FabricEvent:
    """A stored event."""
    field, encode = _BODIES[type(event.body)]
    encoded = event_pb2.FabricEvent(
        offset=event.offset,
        session_id=event.session_id,
        tenant_id=place.tenant_id,
        agent_id=place.agent_id,
        channel=place.channel,
        turn_id=event.turn_id,
        attempt=event.attempt,
        trace_id=event.trace_id,
        name=event_names.full_name(event.body),
        event_id=event.event_id,
        severity=values.to_enum(event_pb2.EventSeverity, event_names.severity(event.body)),
        **{field: encode(event.body, event)},
    )
    encoded.occurred_at.FromDatetime(event.occurred_at)
    return encoded


def delta_to_proto(delta: events.TextDelta) -> turn_gateway_service_pb2.TextDelta:
    """Live text."""
    return turn_gateway_service_pb2.TextDelta(
        turn_id=delta.turn_id,
        attempt=delta.attempt,
        sequence=delta.sequence,
        text=delta.text,
        restart=delta.restart,
    )


def reset_to_proto(reset: events.TextReset) -> turn_gateway_service_pb2.TextReset:
    """The word that live text is void."""
    return turn_gateway_service_pb2.TextReset(
        turn_id=reset.turn_id, attempt=reset.attempt, restart=reset.restart
    )


def _message_received(body: events.MessageReceived, _: events.StoredEvent) -> event_pb2.MessageReceived:
    return event_pb2.MessageReceived(message=values.message_to_proto(body.message))


def _turn_started(body: events.TurnStarted, _: events.StoredEvent) -> event_pb2.TurnStarted:
    return event_pb2.TurnStarted(
        turn_group_id=body.turn_group_id,
        epoch=body.epoch,
        cause=values.to_enum(turn_pb2.TurnCause, body.cause),
        superseded_from=body.superseded_from,
    )


def _turn_aggregated(body: events.TurnAggregated, _: events.StoredEvent) -> event_pb2.TurnAggregated:
    return event_pb2.TurnAggregated(
        reason=values.to_enum(turn_pb2.AggregationReason, body.reason), message_ids=body.message_ids
    )


def _supersede_decided(body: events.SupersedeDecided, _: events.StoredEvent) -> event_pb2.SupersedeDecided:
    return event_pb2.SupersedeDecided(
        action=values.to_enum(event_pb2.SupersedeAction, body.action),
        absorb_strategy=values.to_enum(event_pb2.AbsorbStrategy, body.absorb_strategy),
        interrupt_point=values.to_enum(event_pb2.InterruptPoint, body.interrupt_point),
        reason=body.reason,
        message_ids=body.message_ids,
        restart=body.restart,
    )


def _turn_superseded(body: events.TurnSuperseded, _: events.StoredEvent) -> event_pb2.TurnSuperseded:
    return event_pb2.TurnSuperseded(superseded_by=body.superseded_by, reason=body.reason)


def _turn_completed(body: events.TurnCompleted, event: events.StoredEvent) -> event_pb2.TurnCompleted:
    return event_pb2.TurnCompleted(turn=turns.turn_to_proto(body.turn, event.occurred_at))


def _turn_failed(body: events.TurnFailed, event: events.StoredEvent) -> event_pb2.TurnFailed:
    return event_pb2.TurnFailed(turn=turns.turn_to_proto(body.turn, event.occurred_at))


def _turn_cancelled(body: events.TurnCancelled, _: events.StoredEvent) -> event_pb2.TurnCancelled:
    return event_pb2.TurnCancelled(
        cancelled_by=body.cancelled_by, reason=body.reason, message_ids=body.message_ids
    )


def _agent(body: events.AgentReported, _: events.StoredEvent) -> event_pb2.AgentEvent:
    return event_pb2.AgentEvent(
        category=body.category,
        type=body.type,
        payload_json=body.payload_json,
        severity=values.to_enum(event_pb2.EventSeverity, body.severity),
        schema_version=body.schema_version,
    )


def _events_dropped(body: events.EventsDropped, _: events.StoredEvent) -> event_pb2.EventsDropped:
    return event_pb2.EventsDropped(
        dropped=[
            event_pb2.DroppedEvents(
                category=each.category,
                reason=values.to_enum(event_pb2.EventDropReason, each.reason),
                count=each.count,
            )
            for each in body.dropped
        ]
    )


def _webhook_disabled(body: events.WebhookDisabled, _: events.StoredEvent) -> event_pb2.WebhookDisabled:
    return event_pb2.WebhookDisabled(
        webhook_id=body.webhook_id,
        exhausted_deliveries=body.exhausted_deliveries,
        reason=body.reason,
    )


def _receipt_reported(body: events.ReceiptReported, _: events.StoredEvent) -> event_pb2.ReceiptReported:
    return event_pb2.ReceiptReported(
        dedupe_key=body.dedupe_key,
        segment=body.segment,
        part=body.part,
        channel=body.channel,
        state=values.to_enum(event_pb2.ReceiptState, body.state),
        reason=body.reason,
    )


def _abuse_suspected(body: events.AbuseSuspected, _: events.StoredEvent) -> event_pb2.AbuseSuspected:
    return event_pb2.AbuseSuspected(abuse=abuse.abuse_to_proto(body.abuse))


def _abuse_blocked(body: events.AbuseBlocked, _: events.StoredEvent) -> event_pb2.AbuseBlocked:
    return event_pb2.AbuseBlocked(abuse=abuse.abuse_to_proto(body.abuse))


def _abuse_lifted(body: events.AbuseLifted, _: events.StoredEvent) -> event_pb2.AbuseLifted:
    return event_pb2.AbuseLifted(abuse=abuse.abuse_to_proto(body.abuse))


def _session_updated(body: events.SessionUpdated, _: events.StoredEvent) -> event_pb2.SessionUpdated:
    return event_pb2.SessionUpdated(
        set_variables=body.set_variables,
        removed_variables=body.removed_variables,
        moves=[
            session_pb2.ScenarioMove(scenario_id=move.scenario_id, step_id=move.step_id)
            for move in body.moves
        ],
        updated_by=body.updated_by,
        reason=body.reason,
    )


def _session_ended(body: events.SessionEnded, _: events.StoredEvent) -> event_pb2.SessionEnded:
    return event_pb2.SessionEnded(reason=body.reason, ended_by=body.ended_by)


def _reply_fallback(body: events.ReplyFallback, _: events.StoredEvent) -> event_pb2.ReplyFallback:
    return event_pb2.ReplyFallback(
        dedupe_key=body.dedupe_key,
        segment=body.segment,
        from_channel=body.from_channel,
        to_channel=body.to_channel,
        refusal=values.to_enum(event_pb2.FallbackRefusal, body.refusal),
        parts=body.parts,
    )


def _delivery_updated(body: events.DeliveryUpdated, _: events.StoredEvent) -> event_pb2.DeliveryUpdated:
    return event_pb2.DeliveryUpdated(
        delivery_id=str(body.delivery_id),
        destination=body.destination,
        dedupe_key=body.dedupe_key,
        segment=body.segment,
        part=body.part,
        state=values.to_enum(event_pb2.DeliveryState, body.state),
        reason=body.reason,
        attempts=body.attempts,
        resolution=values.to_enum(event_pb2.DeliveryResolution, body.resolution or "UNSPECIFIED"),
        resolved_by=body.resolved_by,
    )


_BODIES: dict[type, tuple[str, Callable[[Any, events.StoredEvent], Any]]] = {
    events.MessageReceived: ("message_received", _message_received),
    events.TurnStarted: ("turn_started", _turn_started),
    events.TurnAggregated: ("turn_aggregated", _turn_aggregated),
    events.SupersedeDecided: ("supersede_decided", _supersede_decided),
    events.TurnSuperseded: ("turn_superseded", _turn_superseded),
    events.TurnCompleted: ("turn_completed", _turn_completed),
    events.TurnFailed: ("turn_failed", _turn_failed),
    events.TurnCancelled: ("turn_cancelled", _turn_cancelled),
    events.AgentReported: ("agent", _agent),
    events.EventsDropped: ("events_dropped", _events_dropped),
    events.WebhookDisabled: ("webhook_disabled", _webhook_disabled),
    events.ReceiptReported: ("receipt_reported", _receipt_reported),
    events.AbuseSuspected: ("abuse_suspected", _abuse_suspected),
    events.AbuseBlocked: ("abuse_blocked", _abuse_blocked),
    events.AbuseLifted: ("abuse_lifted", _abuse_lifted),
    events.SessionUpdated: ("session_updated", _session_updated),
    events.SessionEnded: ("session_ended", _session_ended),
    events.ReplyFallback: ("reply_fallback", _reply_fallback),
    events.DeliveryUpdated: ("delivery_updated", _delivery_updated),
}
