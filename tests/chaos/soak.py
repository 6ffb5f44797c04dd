"""Seeded chaos for many seeds, and with `--points` a crash at every fault point.

Trials that were green for the same commit are skipped, so a run that was stopped goes on where it was;
`--fresh` plays them again. What a violated trial left behind is kept under .focal/soak/failures.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from focal_cli import render
from tests.chaos import trials
from tests.chaos.harness import rig as rigs
from tests.chaos.harness.play import Outcome
from tests.chaos.harness.rig import Rig
from tests.chaos.soak_state import State, TrialResult, version
from tests.chaos.trials import Trial

HOME = Path(".focal/soak")
TRIAL_WITHIN_S = 240.0
TRIALS_PER_MESH = 10

_console = render.console()


async def soak(asked: Sequence[Trial], state: State) -> None:
    """Play the trials that are not green yet, a few per mesh; a mesh that failed is not used again."""
    left = [trial for trial in asked if not state.is_green(trial.name)]
    _console.print(f"{len(left)} of {len(asked)} trials to play, version {state.version[:12]}")
    while left:
        async with _mesh() as rig:
            for _ in range(min(len(left), TRIALS_PER_MESH)):
                result = await _one(rig, left.pop(0))
                state.add(result)
                _console.print(_line(result, len(left)))
                if not result.green:
                    break


@asynccontextmanager
async def _mesh() -> AsyncIterator[Rig]:
    root = HOME / "mesh"
    await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)
    async with rigs.running(root, env={"toolbox": {rigs.CHECK_TRIES: "20"}}) as rig:
        yield rig


async def _one(rig: Rig, trial: Trial) -> TrialResult:
    started = time.monotonic()
    outcome: Outcome | None = None
    try:
        async with asyncio.timeout(TRIAL_WITHIN_S):
            outcome = await trial.play(rig)
        violations = tuple(map(str, outcome.violations))
    except (Exception, ExceptionGroup) as error:  # noqa: BLE001 - whatever ends a trial is its result
        violations = tuple(_causes(error))
    if violations:
        await asyncio.to_thread(_keep, rig, trial, violations, outcome)
    return _result(trial.name, time.monotonic() - started, violations, outcome)


def _causes(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [cause for each in error.exceptions for cause in _causes(each)]
    return [f"{type(error).__name__}: {error}"]


def _result(name: str, took_s: float, violations: tuple[str, ...], outcome: Outcome | None) -> TrialResult:
    if outcome is None:
        return TrialResult(name=name, took_s=took_s, violations=violations)
    return TrialResult(
        name=name,
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


def _keep(rig: Rig, trial: Trial, violations: tuple[str, ...], outcome: Outcome | None) -> None:
    """The evidence of a failure: what broke, what struck, the rows, the logs."""
    folder = HOME / "failures" / trial.name.replace(",", "").replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(rig.mesh.home.logs, folder / "logs")
    struck = outcome.struck if outcome else trial.blows
    (folder / "violations.txt").write_text("\n".join([*violations, "", "blows:", *struck, ""]))
    if outcome:
        rows = dataclasses.asdict(outcome.evidence)
        (folder / "evidence.json").write_text(json.dumps(rows, indent=1, default=str))


def _line(result: TrialResult, left: int) -> str:
    verdict = "kept" if result.green else "[red]BROKEN[/]: " + "; ".join(result.violations)[:300]
    return (
        f"{result.name:<42} {result.took_s:5.1f} s  {result.turns:>3} turns"
        f"  {result.restarted_turns:>2} began again"
        f"  {result.refunds:>2} refunds  {result.doubtful:>2} in doubt"
        f"  healed in {result.healed_s:4.1f} s  {left:>3} left  {verdict}"
    )


def _show(results: list[TrialResult]) -> None:
    columns = ("trial", "took", "heal", "talks", "turns", "again", "failed", "paid", "doubt", "verdict")
    render.table("Soak (seconds; turns that began again, turns that failed)", columns, map(_row, results))


def _row(result: TrialResult) -> tuple[object, ...]:
    return (
        result.name,
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
    parser.add_argument("--points", action="store_true", help="play every fault point too")
    parser.add_argument("--fresh", action="store_true", help="play green trials again")
    options = parser.parse_args()
    asked = [
        *trials.of_toolbox_lines(),
        *(trials.of_points() if options.points else ()),
        *trials.of_seeds(options.seeds),
    ]
    state = State.load(HOME / "state.json", version(), fresh=options.fresh)
    asyncio.run(soak(asked, state))
    results = [state.results[trial.name] for trial in asked]
    _show(results)
    sys.exit(0 if all(each.green for each in results) else 1)


if __name__ == "__main__":
    main()
