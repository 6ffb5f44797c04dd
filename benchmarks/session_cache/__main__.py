"""`python -m benchmarks.session_cache --help`: reads of one session's state, on real servers."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import prometheus_client as prometheus
import redis.asyncio
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.recall import server
from focal_cli.local import children, ports, valkey
from focal_service_kit import migrations, postgres, redis_client, settings
from focal_turn_gateway.adapters.postgres.message_store import PostgresMessageStore, QueueLimits
from focal_turn_gateway.adapters.postgres.session_reader import PostgresSessionReader
from focal_turn_gateway.adapters.postgres.turn_store import PostgresTurnStore
from focal_turn_gateway.adapters.session_cache import CachedSessions
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.adaptive import percentile
from focal_turn_gateway.domain.messages import Address, Content, Submission
from focal_turn_gateway.ports.engine import Hold

VARIABLES, VALUE_CHARS = 30, 60
"""A session that has collected a good deal: about 3 KB of state."""
WARM_UP = 100
STOP_GRACE_S = 5.0
Step = Callable[[], Awaitable[object]]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.session_cache")
    parser.add_argument("--reads", type=int, default=2000, help="reads of each kind, one after the other")
    options = parser.parse_args()
    with server.database() as database, _valkey() as cache:
        Console().print(uvloop.run(_measured(database, cache, options.reads)))


async def _measured(database: str, cache: str, reads: int) -> Table:
    await migrations.upgrade("focal_turn_gateway.migrations", database)
    table = Table("one after the other", "p50 ms", "p99 ms", "a second", box=box.MARKDOWN)
    chosen = settings.RedisSettings(url=cache)
    async with (
        postgres.pool(settings.PostgresSettings(url=database), "benchmark") as pool,
        redis_client.connect(chosen) as client,
    ):
        for name, step in (await _steps(pool, client)).items():
            spent = await _timed(step, reads)
            row = (percentile(spent, 0.5), percentile(spent, 0.99))
            rate = len(spent) / sum(spent) * 1000
            table.add_row(name, *(f"{value:.2f}" for value in row), f"{rate:.0f}")
    return table


async def _steps(pool: asyncpg.Pool, client: redis.asyncio.Redis) -> dict[str, Step]:
    session_id = await _session(pool)
    reader = PostgresSessionReader(pool)
    cached = CachedSessions(
        reader, client, prometheus.CollectorRegistry(), kept_s=3600, timeout_s=1, pause_s=1
    )
    turns = PostgresTurnStore(pool, max_messages=10, history=5)
    hold = Hold(session_id, asyncio.Event())

    async def read_then_open() -> None:
        await cached.session("acme", session_id, 0)
        await turns.open_turn(hold)

    async def in_vain() -> None:
        await cached.session("acme", session_id, 10**9)

    return {
        "read from PostgreSQL": lambda: cached.session("acme", session_id),
        "read from Valkey": lambda: cached.session("acme", session_id, 0),
        "read from both, and kept": in_vain,
        "open a turn": lambda: turns.open_turn(hold),
        "read from Valkey, open a turn": read_then_open,
    }


async def _session(pool: asyncpg.Pool) -> str:
    """A session with a message open and a state."""
    store = PostgresMessageStore(pool, 10_000, QueueLimits(turn=100, queue=10, retry_s=1))
    said = Submission("acme", Address("desk", "web", "ada"), Content("where is my parcel?"), "")
    session_id = (await store.submit(said, Window(0, AggregationReason.OFF))).session_id
    await pool.execute(
        """
        UPDATE turns.sessions SET state = (
          SELECT json_build_object('variablesJson', json_object_agg('name_' || n, repeat('x', $3)))::text
          FROM generate_series(1, $2) n)
        WHERE session_id = $1
        """,
        session_id,
        VARIABLES,
        VALUE_CHARS,
    )
    return session_id


async def _timed(step: Step, count: int) -> list[float]:
    for _ in range(WARM_UP):
        await step()
    spent = []
    for _ in range(count):
        began = time.perf_counter()
        await step()
        spent.append((time.perf_counter() - began) * 1000)
    return spent


@contextmanager
def _valkey() -> Iterator[str]:
    """URL of a throw-away server."""
    with tempfile.TemporaryDirectory(prefix="focal-cache-") as folder:
        store, port = valkey.prepare(Path(folder)), ports.choose()[0]
        command = store.command(port, durable=False)
        with (Path(folder) / "log").open("wb") as log:
            child = children.start(command, log)
        try:
            while not store.is_ready(port):
                time.sleep(0.02)
            yield store.url(port)
        finally:
            child.stop(command.stop_signal, STOP_GRACE_S)


if __name__ == "__main__":
    main()
