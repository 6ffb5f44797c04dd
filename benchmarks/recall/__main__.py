"""`python -m benchmarks.recall --help`: p50 and p99 of recall, by the size of what is searched."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import uvloop

from benchmarks.recall import server
from benchmarks.recall.prose import Prose
from focal_memory import app
from focal_memory.domain.episode import Episode
from focal_memory.domain.question import Question, Scope
from focal_memory.settings import MemorySettings
from focal_service_kit import migrations, settings

STREAM = 1_000
CUSTOMER_FACTS = 500
SESSION = "s_all"
WARM_UP = 50
LIMITS = {"facts": 1_000_000, "small_tenants": 100, "questions": 10_000}


@dataclass(frozen=True)
class Tenant:
    """A loaded tenant: one session holds all its facts, each customer 500 of them."""

    name: str
    texts: Sequence[str]


def main() -> None:
    """Loads, measures, prints."""
    options = _options()
    with server.database() as url:
        uvloop.run(_run(url, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="recall")
    parser.add_argument("--facts", type=int, default=100_000, help="facts of the big tenant")
    parser.add_argument("--small-tenants", type=int, default=20, help="tenants of 1,000 facts beside it")
    parser.add_argument("--questions", type=int, default=500, help="questions per line")
    options = parser.parse_args()
    for name, most in LIMITS.items():
        setattr(options, name, min(getattr(options, name), most))
    return options


async def _run(url: str, options: argparse.Namespace) -> None:
    await migrations.upgrade("focal_memory.migrations", url)
    chosen = MemorySettings(postgres=settings.PostgresSettings(url=url, statement_timeout_ms=30_000))
    async with AsyncExitStack() as stack:
        parts = await app.connect(chosen, stack)
        tenants = await _load(parts, options)
        await _vacuum(url)
        print(f"{'searched':<44}{'p50 ms':>8}{'p90':>8}{'p99':>8}{'found':>8}")
        for tenant in tenants:
            await _measure(
                parts, tenant, f"session of {len(tenant.texts):,} facts", SESSION, options.questions
            )
            await _measure(parts, tenant, f"customer of {CUSTOMER_FACTS} facts", "", options.questions)


async def _load(parts: app.Parts, options: argparse.Namespace) -> list[Tenant]:
    """The tenants to ask: a big one, one just small enough to be searched exactly, a usual one."""
    prose = Prose(seed=1)
    sizes = {"big": options.facts, "medium": 10_000}
    sizes |= {f"small{number}": 1_000 for number in range(options.small_tenants)}
    started = time.perf_counter()
    tenants = [Tenant(name, [prose.episode() for _ in range(size)]) for name, size in sizes.items()]
    for tenant in tenants:
        await _add(parts, tenant)
    loaded = time.perf_counter()
    await parts.give_room.once()
    print(
        f"{os.cpu_count()} cores, {sum(sizes.values()):,} facts of {len(tenants)} tenants,"
        f" loaded in {loaded - started:.0f} s, indexed in {time.perf_counter() - loaded:.0f} s\n"
    )
    return tenants[:3]


async def _add(parts: app.Parts, tenant: Tenant) -> None:
    for start in range(0, len(tenant.texts), STREAM):
        await parts.ingest.add(tenant.name, _episodes(start, tenant.texts[start : start + STREAM]))


async def _episodes(start: int, texts: Sequence[str]) -> AsyncIterator[Episode]:
    for number, text in enumerate(texts, start):
        yield Episode(
            episode_id=f"e{number}",
            session_id=SESSION,
            customer_id=f"c{number // CUSTOMER_FACTS}",
            content=text,
            occurred_at=datetime(2025, 1, 1, tzinfo=UTC),
        )


async def _vacuum(url: str) -> None:
    """What autovacuum does within minutes."""
    connection = await asyncpg.connect(url)
    for table in ("episode", "episode_vector"):
        await connection.execute(f"VACUUM (ANALYZE) memory.{table}")
    await connection.close()


async def _measure(parts: app.Parts, tenant: Tenant, label: str, session: str, questions: int) -> None:
    prose = Prose(seed=2)
    taken: list[float] = []
    found = 0
    for turn in range(questions + WARM_UP):
        number = turn * 7919 % len(tenant.texts)
        customer = "" if session else f"c{number // CUSTOMER_FACTS}"
        asked = Question(Scope(tenant.name, customer, session), prose.question(tenant.texts[number]))
        started = time.perf_counter()
        recalled = await parts.recall.find(asked)
        taken.append((time.perf_counter() - started) * 1_000)
        found += any(one.episode.episode_id == f"e{number}" for one in recalled)
    p50, p90, p99 = (_percentile(taken[WARM_UP:], share) for share in (0.5, 0.9, 0.99))
    share = found / len(taken)
    print(f"{tenant.name + ': ' + label:<44}{p50:>8.1f}{p90:>8.1f}{p99:>8.1f}{share:>8.2f}")


def _percentile(taken: Sequence[float], share: float) -> float:
    return sorted(taken)[min(int(len(taken) * share), len(taken) - 1)]


if __name__ == "__main__":
    main()
