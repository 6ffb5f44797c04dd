"""Wiring of what is held against customers."""

from __future__ import annotations

import asyncpg
import redis.asyncio

from focal.turn.v1 import abuse_service_pb2_grpc
from focal_service_kit.host import Host
from focal_turn_gateway.adapters.postgres.abuse_facts import PostgresAbuseFacts
from focal_turn_gateway.adapters.postgres.abuse_records import PostgresAbuseRecords
from focal_turn_gateway.adapters.rate_hits import Kept, ValkeyRateHits
from focal_turn_gateway.adapters.standing_keys import ValkeyStandings
from focal_turn_gateway.core.abuse_desk import AbuseDesk
from focal_turn_gateway.core.look_for_abuse import Figures, LookForAbuse, Windows
from focal_turn_gateway.core.standings import Standings
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.settings import TurnGatewaySettings
from focal_turn_gateway.transport.abuse_servicer import AbuseServicer


def register(
    settings: TurnGatewaySettings,
    host: Host,
    pool: asyncpg.Pool,
    valkey: redis.asyncio.Redis,
    live: LiveFeed,
) -> None:
    """Who is blocked, and those who decide about it."""
    chosen = settings.abuse
    records = PostgresAbuseRecords(pool, chosen.told_s)
    standings = Standings(records, ValkeyStandings(valkey), refresh_s=chosen.refresh_s, poll_s=chosen.poll_s)
    if settings.rates.enabled:
        host.background("standings", standings.run)
    desk = AbuseDesk(records, standings, live, settings.errors.target)
    if chosen.detect:
        host.background("look for abuse", _looking(settings, pool, valkey, desk).run)
    servicer = AbuseServicer(records, desk, chosen.terms())
    abuse_service_pb2_grpc.add_AbuseServiceServicer_to_server(servicer, host.server)
    host.serves("focal.turn.v1.AbuseService")


def hits_kept(settings: TurnGatewaySettings) -> Kept | None:
    """How admission notes what customers' own limits refuse; None where nobody looks at it."""
    chosen = settings.abuse
    return Kept.of(chosen.rate_hits.window_s, chosen.rate_hits.most) if chosen.detect else None


def _looking(
    settings: TurnGatewaySettings, pool: asyncpg.Pool, valkey: redis.asyncio.Redis, desk: AbuseDesk
) -> LookForAbuse:
    chosen = settings.abuse
    figures = Figures(
        Windows(
            chosen.rate_hits.window_s,
            chosen.safety_refusals.window_s,
            chosen.spam.window_s,
            chosen.bot.window_s,
        ),
        rate_hits=chosen.often(chosen.rate_hits),
        safety_refusals=chosen.often(chosen.safety_refusals),
        refusal_names=chosen.safety_refusals.names,
        spam=chosen.spam_figures(),
        bot=chosen.bot_figures(),
    )
    hits = ValkeyRateHits(valkey, Kept.of(chosen.rate_hits.window_s, chosen.rate_hits.most))
    return LookForAbuse(
        PostgresAbuseFacts(pool), hits, desk, figures, chosen.terms(), chosen.every_s, chosen.most
    )
