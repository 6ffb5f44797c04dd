"""The part of the composition root that deals with results reported later."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import asyncpg

from focal.turn.v1.turn_gateway_service_pb2_grpc import TurnGatewayServiceStub
from focal_kernel.clock import Clock
from focal_service_kit import channels, redis_client
from focal_service_kit.host import Host
from focal_toolbox.adapters import report_stream, turn_gateway
from focal_toolbox.adapters.postgres_ledger import PostgresLedger
from focal_toolbox.adapters.postgres_reports import PostgresReports
from focal_toolbox.adapters.prometheus_reports import PrometheusReportMeter
from focal_toolbox.core.awaiting import Awaiting, Patience
from focal_toolbox.core.executing import Timeouts
from focal_toolbox.core.expiring import Expiry
from focal_toolbox.core.following_up import FollowingUp, Pace
from focal_toolbox.core.promising import Promises
from focal_toolbox.core.receiving import Receiving
from focal_toolbox.core.reporting import Reporting
from focal_toolbox.ports.secrecy import Secrecy
from focal_toolbox.settings import ToolboxSettings

REPORT = "/focal.toolbox.v1.ToolboxService/ReportToolResult"


@dataclass(frozen=True, slots=True)
class Late:
    """What others need of it."""

    promises: Promises
    awaiting: Awaiting
    reporting: Reporting


async def late(
    settings: ToolboxSettings,
    host: Host,
    pool: asyncpg.Pool,
    ledger: PostgresLedger,
    clock: Clock,
    timeouts: Timeouts,
    secrecy: Secrecy,
) -> Late:
    """Everything about late results, its background tasks included."""
    chosen = settings.asynchronous
    reports = PostgresReports(pool, ledger.instance_id, settings.instance.lease_s, chosen.tokens_kept_s)
    meter = PrometheusReportMeter(host.metrics)
    awaiting = Awaiting(reports, ledger, clock, Patience(chosen.wait_s, chosen.poll_s))
    following = FollowingUp(reports, _gateway(settings, host), meter, _pace(settings))
    host.background("follow_ups", following.run)
    host.background("reports", Expiry(reports, meter, chosen.sweep_s).run)
    reporting = Reporting(reports, meter, awaiting.reported, following.wake, secrecy=secrecy)
    if settings.queue.enabled:
        queue = await _report_stream(settings, host, ledger.instance_id)
        read = functools.partial(report_stream.read, max_bytes=chosen.max_result_bytes)
        host.background("queue", Receiving(queue, read, reporting, meter, settings.queue.block_s).run)
    # Partners have no login here: the token of one call is all that they show.
    host.opens(REPORT)
    return Late(
        Promises(timeouts.of, chosen.report_within_s, chosen.wait_s),
        awaiting,
        reporting,
    )


async def _report_stream(settings: ToolboxSettings, host: Host, consumer: str) -> report_stream.ReportStream:
    """The queue of reports on a client of its own, whose commands may wait."""
    chosen = settings.queue
    patient = settings.redis.model_copy(update={"timeout_s": chosen.block_s + settings.redis.timeout_s})
    client = await host.stack.enter_async_context(redis_client.connect(patient))
    return report_stream.ReportStream(
        client,
        consumer,
        at_once=chosen.at_once,
        block_s=chosen.block_s,
        claim_s=chosen.claim_s,
        dead_letters=chosen.dead_letters,
    )


def _gateway(settings: ToolboxSettings, host: Host) -> turn_gateway.TurnGateway:
    channel = host.channel(channels.ChannelSettings(turn_gateway.NAME, settings.peers.turn_gateway))
    return turn_gateway.TurnGateway(
        TurnGatewayServiceStub(channel),
        lambda tenant_id: host.caller_tokens.own(turn_gateway.NAME, tenant_id),
        settings.asynchronous.follow_up_timeout_s,
    )


def _pace(settings: ToolboxSettings) -> Pace:
    chosen = settings.asynchronous
    return Pace(
        chosen.follow_up_every_s,
        chosen.follow_ups_at_once,
        chosen.follow_up_claim_s,
        chosen.follow_up_first_pause_s,
        chosen.follow_up_longest_pause_s,
    )
