"""What a soak can play: seeds of chaos, and crashes and freezes at fault points."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tests.chaos.harness import plans, play, points, toolbox_lines, verdict
from tests.chaos.harness.evidence import Evidence
from tests.chaos.harness.play import Outcome
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.scenes import Crash


@dataclass(frozen=True)
class Trial:
    """Something to play on a mesh; `blows` says what strikes, for whoever looks into a failure."""

    name: str
    blows: Sequence[str]
    play: Callable[[Rig], Awaitable[Outcome]]


def of_seeds(count: int) -> Iterator[Trial]:
    """Chaos of the seeds 1 to `count`."""
    for seed in range(1, count + 1):
        plan = plans.of_seed(seed)
        yield Trial(f"seed {seed}", [*map(str, plan.faults)], partial(play.play, plan=plan))


def of_points() -> Iterator[Trial]:
    """Every crash at a step boundary, and a frozen gateway at each."""
    for cell in points.every_cell():
        yield _at_point(str(cell), partial(points.crash_at, cell=cell))
    for boundary in points.BOUNDARIES:
        yield _at_point(f"{boundary.gate.name}, frozen", partial(points.freeze_at, boundary=boundary))


def of_toolbox_lines() -> Iterator[Trial]:
    """A death of the toolbox between any two lines of a refund."""
    for line in toolbox_lines.LINES:
        yield _at_point(f"toolbox, {line}", partial(toolbox_lines.die_at, line=line))


def _at_point(name: str, strike: Callable[[Rig, Crash], Awaitable[Evidence]]) -> Trial:
    async def play_it(rig: Rig) -> Outcome:
        await rig.all_ready()
        crash = Crash(rig, name, {})
        evidence = await strike(rig, crash)
        return Outcome(evidence, verdict.violations(evidence), crash.recovery_s[name], [name])

    return Trial(name, [name], play_it)
