"""The part of the composition root that opens the ledger."""

from __future__ import annotations

import asyncpg

from focal_service_kit import postgres
from focal_service_kit.host import Host
from focal_toolbox.adapters.instance import Heartbeat, Rhythm, living
from focal_toolbox.adapters.postgres_ledger import PostgresLedger
from focal_toolbox.settings import ToolboxSettings


async def ledger(settings: ToolboxSettings, host: Host, pool: asyncpg.Pool) -> PostgresLedger:
    """The ledger with this process's heartbeat, which ends after everything that reserves."""
    rhythm = Rhythm(settings.instance.heartbeat_s, settings.instance.lease_s / 2)
    heartbeat = Heartbeat(
        settings.postgres.url,
        rhythm,
        postgres.server_settings(settings.postgres, "toolbox-heartbeat"),
    )
    await host.stack.enter_async_context(living(heartbeat, settings.instance.start_s))
    return PostgresLedger(pool, heartbeat.instance_id, settings.instance.lease_s)
