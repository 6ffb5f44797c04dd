"""The part of the composition root that builds the tool policy."""

from __future__ import annotations

import asyncpg

from focal_kernel.clock import Clock
from focal_service_kit.host import Host
from focal_toolbox.adapters.postgres_tool_rules import PostgresToolRules
from focal_toolbox.adapters.prometheus_decisions import PrometheusDecisions
from focal_toolbox.adapters.rule_table import RuleTable
from focal_toolbox.core.confirming import Confirming
from focal_toolbox.core.policing import Policing
from focal_toolbox.core.policy_desk import PolicyDesk
from focal_toolbox.domain.tool_rules import Decision
from focal_toolbox.ports.catalogue import ToolCatalogue
from focal_toolbox.ports.ledger import EffectLedger
from focal_toolbox.settings import ToolboxSettings


def policing(
    settings: ToolboxSettings,
    host: Host,
    pool: asyncpg.Pool,
    ledger: EffectLedger,
    confirming: Confirming,
    clock: Clock,
) -> Policing:
    """Holds calls back by the rules of their tenants."""
    chosen = settings.tool_policy
    rules = PostgresToolRules(pool, chosen.rules_per_tenant)
    table = RuleTable(rules, Decision(chosen.default), clock, chosen.kept_s, chosen.tenants_kept)
    meter = PrometheusDecisions(host.metrics)
    return Policing(table, ledger, confirming, meter, clock, chosen.timeout_s)


def desk(settings: ToolboxSettings, pool: asyncpg.Pool, catalogue: ToolCatalogue) -> PolicyDesk:
    """Keeps the rules of tenants."""
    chosen = settings.tool_policy
    rules = PostgresToolRules(pool, chosen.rules_per_tenant)
    return PolicyDesk(rules, catalogue, Decision(chosen.default), settings.execution.max_arguments_bytes)
