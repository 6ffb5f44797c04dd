"""Seeded chaos for many seeds: `make soak SEEDS=20`, or `ARGS=--fresh` to forget what was green.

Seeds that were green for the same commit are skipped, so a soak that was stopped goes on where it was.
What a violated seed left behind is kept under .focal/soak/failures.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from focal_cli import render
from tests.chaos.harness import plans, play
from tests.chaos.harness import rig as rigs
from tests.chaos.harness.play import Outcome
from tests.chaos.harness.rig import Rig
from tests.chaos.soak_state import SeedResult, State, version

HOME = Path(".focal/soak")
SEED_WITHIN_S = 240.0
SEEDS_PER_MESH = 10

_console = render.console()


async def soak(seeds: Iterable[int], state: State) -> None:
    """Play the seeds that are not green yet, a few per mesh; a mesh that failed is not used again."""
    left = [seed for seed in seeds if not state.is_green(seed)]
    _console.print(f"{len(left)} seeds to play, version {state.version[:12]}")
    while left:
        async with _mesh() as rig:
            for _ in range(min(len(left), SEEDS_PER_MESH)):
                result = await _one(rig, left.pop(0))
                state.add(result)
                _console.print(_line(result, len(left)))
                if not result.green:
                    break


@asynccontextmanager
async def _mesh() -> AsyncIterator[Rig]:
    root = HOME / "mesh"
    await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)
    async with rigs.running(root) as rig:
        yield rig


async def _one(rig: Rig, seed: int) -> SeedResult:
    started = time.monotonic()
    outcome: Outcome | None = None
    try:
        async with asyncio.timeout(SEED_WITHIN_S):
            outcome = await play.play(rig, plans.of_seed(seed))
        violations = tuple(map(str, outcome.violations))
    except (Exception, ExceptionGroup) as error:  # noqa: BLE001 - whatever ends a seed is its result
        violations = tuple(_causes(error))
    if violations:
        await asyncio.to_thread(_keep, rig, seed, violations, outcome)
    return _result(seed, time.monotonic() - started, violations, outcome)


def _causes(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [cause for each in error.exceptions for cause in _causes(each)]
    return [f"{type(error).__name__}: {error}"]


def _result(seed: int, took_s: float, violations: tuple[str, ...], outcome: Outcome | None) -> SeedResult:
    if outcome is None:
        return SeedResult(seed=seed, took_s=took_s, violations=violations)
    return SeedResult(
        seed=seed,
        took_s=took_s,
        healed_s=outcome.healed_s,
        conversations=len(outcome.evidence.sessions),
        turns=len(outcome.evidence.committed),
        restarted_turns=outcome.crashed_attempts,
        failed_turns=outcome.failed_turns,
        refunds=outcome.paid,
        doubtful=outcome.doubtful,
        violations=violations,
    )


def _keep(rig: Rig, seed: int, violations: tuple[str, ...], outcome: Outcome | None) -> None:
    """The evidence of a failure: what broke, what struck, the rows, the logs."""
    folder = HOME / "failures" / f"seed-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(rig.mesh.home.logs, folder / "logs")
    plan = plans.of_seed(seed)
    struck = outcome.struck if outcome else [str(fault) for fault in plan.faults]
    (folder / "violations.txt").write_text("\n".join([*violations, "", "blows:", *struck, ""]))
    if outcome:
        rows = dataclasses.asdict(outcome.evidence)
        (folder / "evidence.json").write_text(json.dumps(rows, indent=1, default=str))


def _line(result: SeedResult, left: int) -> str:
    verdict = "kept" if result.green else "[red]BROKEN[/]: " + "; ".join(result.violations)[:300]
    return (
        f"seed {result.seed:>3}  {result.took_s:5.1f} s  {result.turns:>3} turns"
        f"  {result.restarted_turns:>2} began again"
        f"  {result.refunds:>2} refunds  {result.doubtful:>2} in doubt"
        f"  healed in {result.healed_s:4.1f} s  {left:>3} left  {verdict}"
    )


def _show(results: list[SeedResult]) -> None:
    columns = ("seed", "took", "heal", "talks", "turns", "again", "failed", "paid", "doubt", "verdict")
    render.table("Soak (seconds; turns that began again, turns that failed)", columns, map(_row, results))


def _row(result: SeedResult) -> tuple[object, ...]:
    return (
        result.seed,
        f"{result.took_s:.1f}",
        f"{result.healed_s:.1f}",
        result.conversations,
        result.turns,
        result.restarted_turns,
        result.failed_turns,
        result.refunds,
        result.doubtful,
        "kept" if result.green else f"{len(result.violations)} broken",
    )


def main() -> None:
    """Play, show, and exit 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="play seeds 1 to this number")
    parser.add_argument("--fresh", action="store_true", help="play green seeds again")
    options = parser.parse_args()
    seeds = range(1, options.seeds + 1)
    state = State.load(HOME / "state.json", version(), fresh=options.fresh)
    asyncio.run(soak(seeds, state))
    results = [state.results[seed] for seed in seeds]
    _show(results)
    sys.exit(0 if all(each.green for each in results) else 1)


if __name__ == "__main__":
    main()
