"""Wiring of everything that happens to events once they are stored, and of what lets them in."""

from __future__ import annotations

import asyncpg
import redis.asyncio

from focal.turn.v1 import event_service_pb2_grpc, webhook_service_pb2_grpc
from focal_service_kit.host import Host
from focal_turn_gateway.adapters import checked_http
from focal_turn_gateway.adapters.checked_http import CheckedHttp
from focal_turn_gateway.adapters.event_counts import ValkeyEventCounts
from focal_turn_gateway.adapters.event_meter import EventMeter
from focal_turn_gateway.adapters.postgres.event_log import PostgresEventLog
from focal_turn_gateway.adapters.postgres.retirement import PostgresRetirement
from focal_turn_gateway.adapters.postgres.webhook_deliveries import Pace, PostgresWebhookDeliveries
from focal_turn_gateway.adapters.postgres.webhook_store import PostgresWebhooks
from focal_turn_gateway.adapters.webhook_sender import HttpWebhookSender
from focal_turn_gateway.core.admit_events import AdmitEvents
from focal_turn_gateway.core.event_budget import EventBudget, Limits
from focal_turn_gateway.core.follow_events import FollowEvents
from focal_turn_gateway.core.post_webhooks import PostWebhooks
from focal_turn_gateway.core.retain import Retain, Retention
from focal_turn_gateway.core.webhook_desk import WebhookDesk
from focal_turn_gateway.domain.webhooks import Retries
from focal_turn_gateway.settings import TurnGatewaySettings
from focal_turn_gateway.transport.event_servicer import EventServicer
from focal_turn_gateway.transport.streams import Streams
from focal_turn_gateway.transport.watching_events import WatchingEvents
from focal_turn_gateway.transport.webhook_servicer import WebhookServicer


def admission(settings: TurnGatewaySettings, host: Host, valkey: redis.asyncio.Redis) -> AdmitEvents:
    """What may be stored of the events that agents report."""
    limits = settings.limits
    budget = EventBudget(
        ValkeyEventCounts(valkey),
        Limits(limits.events_per_minute, limits.custom_events_per_minute),
        limits.event_counts_s,
    )
    host.background("event counts", budget.run)
    return AdmitEvents(budget, limits.max_event_bytes, EventMeter(host.metrics).refused)


def register(settings: TurnGatewaySettings, host: Host, pool: asyncpg.Pool, streams: Streams) -> None:
    """The log of a tenant's events, what removes them, and webhooks."""
    limits = settings.limits
    follow = FollowEvents(PostgresEventLog(pool), limits.events_poll_s, limits.page_events)
    events = EventServicer(WatchingEvents(follow, streams, limits.stream_buffer))
    event_service_pb2_grpc.add_EventServiceServicer_to_server(events, host.server)
    host.serves("focal.turn.v1.EventService")
    kept = settings.retention
    retention = Retention(
        kept.events_days, kept.payloads_days, kept.deliveries_days, kept.artifacts_days, kept.abuse_days
    )
    retain = Retain(PostgresRetirement(pool), retention, kept.every_s, kept.batch, kept.pause_s)
    host.background("retention", retain.run)
    _webhooks(settings, host, pool)


def _webhooks(settings: TurnGatewaySettings, host: Host, pool: asyncpg.Pool) -> None:
    chosen = settings.webhooks
    client = checked_http.client(chosen.parallel)
    host.stack.push_async_callback(client.aclose)
    http = CheckedHttp(client, allow_local=chosen.allow_local)
    sender = HttpWebhookSender(http, timeout_s=chosen.timeout_s)
    store = PostgresWebhooks(pool, most=chosen.most, former_s=chosen.former_secret_s)
    servicer = WebhookServicer(store, WebhookDesk(store, sender), allow_local=chosen.allow_local)
    webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server(servicer, host.server)
    host.serves("focal.turn.v1.WebhookService")
    pace = Pace(chosen.in_flight, chosen.per_minute, chosen.claim_s, chosen.disable_after)
    posting = PostWebhooks(
        PostgresWebhookDeliveries(pool, pace, chosen.max_bytes),
        sender,
        Retries(chosen.retries, chosen.retry_first_s, chosen.retry_longest_s),
        chosen.parallel,
        chosen.poll_s,
    )
    host.background("webhooks", posting.run)
