"""`python -m benchmarks.accumulation.acknowledgement --help`: what deciding the window adds before a message
is acknowledged, on a real PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.recall import server
from focal_service_kit import migrations, postgres, settings
from focal_turn_gateway.adapters.postgres.message_store import Learning, PostgresMessageStore, QueueLimits
from focal_turn_gateway.adapters.postgres.rhythms import PostgresRhythms
from focal_turn_gateway.domain.accumulation import AggregationReason, Situation, Window
from focal_turn_gateway.domain.adaptive import percentile
from focal_turn_gateway.domain.messages import Address, Content, Submission
from focal_turn_gateway.settings.accumulation import Accumulation

TEXT = "I would like to return order 10003, it arrived broken"
BASE_MS = 1200
MESSAGES_EACH = 3
WARM_UP = 100
Step = Callable[[Submission], Awaitable[object]]


@dataclass(frozen=True)
class Parts:
    """The gateway's own adapters and default policy."""

    pool: asyncpg.Pool
    learning: bool

    @property
    def store(self) -> PostgresMessageStore:
        """Stores messages, learning or not."""
        limits = QueueLimits(turn=100, queue=10, retry_s=1)
        return PostgresMessageStore(self.pool, 10_000, limits, Learning(0, 30_000, 20 * self.learning))

    @property
    def rhythms(self) -> PostgresRhythms:
        """Reads rhythms."""
        learnt = Accumulation().rhythm
        return PostgresRhythms(self.pool, texts=learnt.earlier_texts, chars=learnt.earlier_chars)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accumulation.acknowledgement")
    parser.add_argument("--customers", type=int, default=1000, help="customers, of three messages each")
    options = parser.parse_args()
    with server.database() as url:
        uvloop.run(_run(url, min(max(options.customers, 1), 100_000)))


async def _run(url: str, customers: int) -> None:
    await migrations.upgrade("focal_turn_gateway.migrations", url)
    table = Table(box=box.MARKDOWN)
    for column in ("before the acknowledgement", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if column[0] == "b" else "right")
    chosen = settings.PostgresSettings(url=url, pool_min=1, pool_max=1)
    async with postgres.pool(chosen, "benchmark") as pool:
        plain, learning = Parts(pool, False), Parts(pool, True)
        fixed = Window(BASE_MS, AggregationReason.TIMEOUT)
        policy = Accumulation().policy()

        async def only_store(submission: Submission) -> None:
            await plain.store.submit(submission, fixed)

        async def only_read(submission: Submission) -> None:
            await learning.rhythms.rhythm(submission)

        async def adaptive(submission: Submission) -> None:
            rhythm = await learning.rhythms.rhythm(submission)
            window = policy.window(Situation(submission.content.text, BASE_MS, rhythm))
            await learning.store.submit(submission, window)

        async def only_judge(submission: Submission) -> None:
            policy.window(Situation(submission.content.text, BASE_MS))

        steps: dict[str, tuple[str, Step]] = {
            "store, fixed window": ("f", only_store),
            "read the rhythm, judge, store and learn, adaptive": ("a", adaptive),
            "of which reading the rhythm": ("a", only_read),
            "of which judging the text": ("a", only_judge),
        }
        for name, (prefix, step) in steps.items():
            await _timed(step, f"warm-{prefix}", WARM_UP)
            taken = await _timed(step, prefix, customers)
            table.add_row(name, *(f"{percentile(taken, share):.3f}" for share in (0.5, 0.99)))
    print(f"{os.cpu_count()} cores, {customers} customers of {MESSAGES_EACH} messages, one connection")
    Console(width=100).print(table)


async def _timed(step: Step, prefix: str, customers: int) -> Sequence[float]:
    taken = []
    for _ in range(MESSAGES_EACH):
        for number in range(customers):
            address = Address("desk", "whatsapp", f"{prefix}{number}")
            submission = Submission("acme", address, Content(TEXT), "")
            started = time.perf_counter()
            await step(submission)
            taken.append((time.perf_counter() - started) * 1000)
    return taken


if __name__ == "__main__":
    main()
