"""Puts the toolbox together: the only place that builds things."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from focal.config.v1.config_watcher_service_pb2_grpc import ConfigWatcherServiceStub
from focal.toolbox.v1 import tool_gateway_service_pb2_grpc, toolbox_service_pb2_grpc
from focal_kernel.clock import SystemClock
from focal_service_kit import channels, postgres
from focal_service_kit.host import Host
from focal_toolbox.adapters.bundles import BundleTools
from focal_toolbox.adapters.instance import Heartbeat, Rhythm, living
from focal_toolbox.adapters.postgres_ledger import PostgresLedger
from focal_toolbox.adapters.prometheus_meter import PrometheusMeter
from focal_toolbox.adapters.providers import http
from focal_toolbox.core.arguments import Schemas
from focal_toolbox.core.compensating import Compensation
from focal_toolbox.core.delivering import Courier, Retries
from focal_toolbox.core.effecting import Effects, Timing
from focal_toolbox.core.executing import Execution, Timeouts
from focal_toolbox.core.invoking import Invocation
from focal_toolbox.core.preparing import Preparation
from focal_toolbox.core.runs import Runs
from focal_toolbox.core.sweeping import Sweep
from focal_toolbox.ports import Provider
from focal_toolbox.settings import ToolboxSettings
from focal_toolbox.transport.gateway_servicer import GatewayServicer
from focal_toolbox.transport.toolbox_servicer import ToolboxServicer

SERVICES = ("focal.toolbox.v1.ToolboxService", "focal.toolbox.v1.ToolGatewayService")


async def build(settings: ToolboxSettings, host: Host) -> None:
    """Open what the process needs and register what it serves."""
    pool = await host.stack.enter_async_context(postgres.pool(settings.postgres, "toolbox"))
    host.readiness("postgres", postgres.ready(pool))
    ledger = await _ledger(settings, host, pool)
    meter = PrometheusMeter(host.metrics)
    providers = await _providers(settings, host)
    catalogue = _catalogue(settings, host)
    clock = SystemClock()
    courier = Courier(_retries(settings), clock)
    runs = Runs()
    host.stack.push_async_callback(runs.drain, settings.execution.drain_s)
    preparation = Preparation(
        catalogue,
        providers,
        Schemas(settings.bundles.schemas_kept),
        settings.execution.max_arguments_bytes,
    )
    effects = Effects(ledger, courier, runs, meter, clock, _timing(settings))
    timeouts = Timeouts(settings.execution.timeout_s, settings.execution.longest_timeout_s)
    execution = Execution(preparation, courier, effects, meter, clock, timeouts)
    compensation = Compensation(ledger, preparation, effects, timeouts, settings.execution.compensation_s)
    invocation = Invocation(
        providers, courier, settings.execution.max_arguments_bytes, settings.execution.timeout_s
    )
    toolbox_service_pb2_grpc.add_ToolboxServiceServicer_to_server(
        ToolboxServicer(execution, compensation, ledger, catalogue), host.server
    )
    tool_gateway_service_pb2_grpc.add_ToolGatewayServiceServicer_to_server(
        GatewayServicer(invocation), host.server
    )
    host.serves(*SERVICES)
    host.background("sweep", Sweep(ledger, meter, settings.instance.sweep_s).run)


async def _ledger(settings: ToolboxSettings, host: Host, pool: asyncpg.Pool) -> PostgresLedger:
    """The ledger with this process's heartbeat, which ends after everything that reserves."""
    rhythm = Rhythm(settings.instance.heartbeat_s, settings.instance.lease_s / 2)
    heartbeat = Heartbeat(
        settings.postgres.url,
        rhythm,
        postgres.server_settings(settings.postgres, "toolbox-heartbeat"),
    )
    await host.stack.enter_async_context(living(heartbeat, settings.instance.start_s))
    return PostgresLedger(pool, heartbeat.instance_id, settings.instance.lease_s)


async def _providers(settings: ToolboxSettings, host: Host) -> Mapping[str, Provider]:
    """Every provider by the name that tool definitions use."""
    limits = http.Limits(
        settings.http.connect_timeout_s, settings.http.max_response_bytes, settings.http.max_connections
    )
    clients = await host.stack.enter_async_context(http.clients(limits))
    variables = {name: value.get_secret_value() for name, value in settings.variables.items()}
    return {"http": http.HttpProvider(clients, limits, variables)}


def _catalogue(settings: ToolboxSettings, host: Host) -> BundleTools:
    channel = host.channel(
        channels.ChannelSettings(
            "config_watcher",
            settings.peers.config_watcher,
            safe_methods=("focal.config.v1.ConfigWatcherService/GetPointer",),
        )
    )
    return BundleTools(
        ConfigWatcherServiceStub(channel),
        lambda tenant_id: host.caller_tokens.own("config_watcher", tenant_id),
        bundles_kept=settings.bundles.kept,
        bundle_ttl_s=settings.bundles.ttl_s,
        pointer_ttl_s=settings.bundles.pointer_ttl_s,
        timeout_s=settings.bundles.timeout_s,
    )


def _retries(settings: ToolboxSettings) -> Retries:
    return Retries(
        settings.retry.requests,
        settings.retry.first_pause_ms / 1000,
        settings.retry.longest_pause_ms / 1000,
    )


def _timing(settings: ToolboxSettings) -> Timing:
    return Timing(
        send_within_s=settings.instance.send_within_s,
        wait_s=settings.execution.wait_s,
        poll_s=settings.execution.poll_s,
    )
