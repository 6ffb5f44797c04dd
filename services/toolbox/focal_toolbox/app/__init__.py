"""The composition root: everything the toolbox is made of, built in one place."""

from __future__ import annotations

from focal.toolbox.v1 import (
    tool_gateway_service_pb2_grpc,
    tool_policy_service_pb2_grpc,
    toolbox_service_pb2_grpc,
)
from focal_kernel.clock import SystemClock
from focal_service_kit import postgres
from focal_service_kit.host import Host
from focal_toolbox.adapters.postgres_confirmations import PostgresConfirmations
from focal_toolbox.adapters.prometheus_meter import PrometheusMeter
from focal_toolbox.app import asynchronous, bundles, deciding, limiting, pacing, provision, storage
from focal_toolbox.core.arguments import Schemas
from focal_toolbox.core.batching import Batch
from focal_toolbox.core.bookkeeping import Books
from focal_toolbox.core.checking import Checks
from focal_toolbox.core.compensating import Compensation
from focal_toolbox.core.confirming import Confirming
from focal_toolbox.core.delivering import Courier
from focal_toolbox.core.effecting import Effects
from focal_toolbox.core.executing import Execution
from focal_toolbox.core.invoking import Invocation
from focal_toolbox.core.preparing import Preparation
from focal_toolbox.core.reading import Reading
from focal_toolbox.core.runs import Runs
from focal_toolbox.core.sweeping import Sweep
from focal_toolbox.settings import ToolboxSettings
from focal_toolbox.transport.gateway_servicer import GatewayServicer
from focal_toolbox.transport.report_taking import ReportTaking
from focal_toolbox.transport.tool_policy_servicer import ToolPolicyServicer
from focal_toolbox.transport.toolbox_servicer import ToolboxServicer, UseCases

SERVICES = (
    "focal.toolbox.v1.ToolboxService",
    "focal.toolbox.v1.ToolGatewayService",
    "focal.toolbox.v1.ToolPolicyService",
)


async def build(settings: ToolboxSettings, host: Host) -> None:
    """Open what the process needs and register what it serves."""
    pool = await host.stack.enter_async_context(postgres.pool(settings.postgres, "toolbox"))
    host.readiness("postgres", postgres.ready(pool))
    ledger = await storage.ledger(settings, host, pool)
    meter = PrometheusMeter(host.metrics)
    secrets = provision.secrets(settings, host)
    providers = await provision.providers(settings, host, secrets)
    catalogue = bundles.tools(settings, host)
    clock = SystemClock()
    courier = Courier(pacing.retries(settings), clock, limiting.admission(settings, host, clock), secrets)
    runs = Runs()
    host.stack.push_async_callback(runs.drain, settings.execution.drain_s)
    timeouts = pacing.timeouts(settings)
    late = await asynchronous.late(settings, host, pool, ledger, clock, timeouts, secrets)
    preparation = Preparation(
        catalogue,
        providers,
        Schemas(settings.bundles.schemas_kept),
        settings.execution.max_arguments_bytes,
        late.promises,
    )
    confirming = Confirming(PostgresConfirmations(pool), pacing.times_to_answer(settings))
    turn_calls = limiting.turn_calls(settings)
    books = Books(ledger, turn_calls, runs, pacing.pauses(settings))
    effects = Effects(books, courier, runs, meter, clock, pacing.timing(settings), late.awaiting)
    policing = deciding.policing(settings, host, pool, ledger, confirming, clock)
    reading = Reading(courier, storage.reuse(settings, pool, courier, runs, clock), confirming, turn_calls)
    execution = Execution(preparation, policing, reading, effects, meter, clock, timeouts)
    batch = Batch(execution, preparation, meter, settings.execution.max_batch)
    doubts = storage.doubts(settings, pool)
    checks = Checks(ledger, doubts, preparation, courier, meter, timeouts, pacing.patience(settings))
    compensation = Compensation(
        ledger, preparation, policing, effects, timeouts, settings.execution.compensation_s
    )
    invocation = Invocation(
        providers, courier, settings.execution.max_arguments_bytes, settings.execution.timeout_s
    )
    reports = ReportTaking(late.reporting, settings.asynchronous.max_result_bytes)
    use_cases = UseCases(
        execution, batch, confirming, compensation, reports, checks, ledger, doubts, catalogue
    )
    toolbox_service_pb2_grpc.add_ToolboxServiceServicer_to_server(ToolboxServicer(use_cases), host.server)
    tool_gateway_service_pb2_grpc.add_ToolGatewayServiceServicer_to_server(
        GatewayServicer(invocation), host.server
    )
    tool_policy_service_pb2_grpc.add_ToolPolicyServiceServicer_to_server(
        ToolPolicyServicer(deciding.desk(settings, pool, catalogue)), host.server
    )
    host.serves(*SERVICES)
    host.background("sweep", Sweep(ledger, meter, settings.instance.sweep_s).run)
    if settings.check.tries:
        host.background("checks", checks.run)
