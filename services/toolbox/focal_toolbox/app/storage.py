"""The part of the composition root that opens the ledger, and what is remembered of reads."""

from __future__ import annotations

import asyncpg

from focal_kernel.clock import Clock
from focal_service_kit import postgres
from focal_service_kit.host import Host
from focal_toolbox.adapters.instance import Heartbeat, Rhythm, living
from focal_toolbox.adapters.postgres_doubts import Pace, PostgresDoubts
from focal_toolbox.adapters.postgres_ledger import PostgresLedger
from focal_toolbox.adapters.postgres_writes import PostgresWrites
from focal_toolbox.core import reusing
from focal_toolbox.core.delivering import Courier
from focal_toolbox.core.reusing import Reuse
from focal_toolbox.core.runs import Runs
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


def reuse(settings: ToolboxSettings, pool: asyncpg.Pool, courier: Courier, runs: Runs, clock: Clock) -> Reuse:
    """What this process remembers of reads."""
    limits = reusing.Limits(settings.reads.kept_bytes, settings.reads.kept_result_bytes)
    return Reuse(PostgresWrites(pool), courier, runs, clock, limits)


def doubts(settings: ToolboxSettings, pool: asyncpg.Pool) -> PostgresDoubts:
    """The ledger's effects in doubt."""
    check = settings.check
    hold_s = check.within_s + settings.instance.lease_s
    pace = Pace(check.tries, check.at_once, check.first_pause_s, check.longest_pause_s, hold_s)
    return PostgresDoubts(pool, pace, settings.instance.lease_s, follow_up=settings.check.follow_up)
