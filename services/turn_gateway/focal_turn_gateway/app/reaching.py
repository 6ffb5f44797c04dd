"""The part of the composition root that builds how customers are reached: receipts, contacts, the ladder."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import asyncpg

from focal.turn.v1 import contact_service_pb2_grpc, receipt_service_pb2_grpc
from focal_service_kit.host import Host
from focal_turn_gateway.adapters.postgres.contacts import PostgresContacts
from focal_turn_gateway.adapters.postgres.receipts import PostgresReceipts
from focal_turn_gateway.app.delivery import Leaving
from focal_turn_gateway.core.fall_back import FallBack
from focal_turn_gateway.core.keep_contacts import KeepContacts
from focal_turn_gateway.core.reply_format import ReplyFormat
from focal_turn_gateway.core.report_delivery import ReportDelivery
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.settings import TurnGatewaySettings
from focal_turn_gateway.transport.contact_servicer import ContactServicer
from focal_turn_gateway.transport.receipt_servicer import ReceiptServicer


def register(
    settings: TurnGatewaySettings,
    host: Host,
    pool: asyncpg.Pool,
    live: LiveFeed,
    reply_format: ReplyFormat,
    leaving: Leaving,
) -> None:
    """Serve receipts and contacts."""
    registry = reply_format.policies.registry
    ladder = settings.fallback
    fall_back = FallBack(reply_format, ladder.max_steps, ladder.per_day, leaving.callbacks)
    report = ReportDelivery(
        PostgresReceipts(pool), live, registry, fall_back if ladder.enabled else None, leaving.wake
    )
    keep = KeepContacts(PostgresContacts(pool), registry, partial(datetime.now, UTC))
    receipt_service_pb2_grpc.add_ReceiptServiceServicer_to_server(ReceiptServicer(report), host.server)
    contact_service_pb2_grpc.add_ContactServiceServicer_to_server(ContactServicer(keep), host.server)
    host.serves("focal.turn.v1.ReceiptService", "focal.turn.v1.ContactService")
