"""A soak that was stopped goes on where it was, and trusts no result of another version."""

from __future__ import annotations

from pathlib import Path

from tests.chaos import trials
from tests.chaos.harness import plans, points
from tests.chaos.soak_state import State, TrialResult

GREEN = TrialResult(name="seed 1", took_s=20)
BROKEN = TrialResult(name="seed 2", took_s=20, violations=("promise 4: order 30004 was refunded 2 times",))


def played(path: Path) -> None:
    state = State.load(path, "v1", fresh=False)
    state.add(GREEN)
    state.add(BROKEN)


def test_green_seeds_are_skipped_and_broken_ones_played_again(tmp_path: Path) -> None:
    played(tmp_path / "state.json")
    state = State.load(tmp_path / "state.json", "v1", fresh=False)
    assert [state.is_green(f"seed {n}") for n in (1, 2, 3)] == [True, False, False]


def test_another_version_begins_anew(tmp_path: Path) -> None:
    played(tmp_path / "state.json")
    assert not State.load(tmp_path / "state.json", "v2", fresh=False).is_green("seed 1")


def test_fresh_begins_anew(tmp_path: Path) -> None:
    played(tmp_path / "state.json")
    assert not State.load(tmp_path / "state.json", "v1", fresh=True).is_green("seed 1")


def test_every_fault_point_is_a_trial_of_its_own() -> None:
    names = [trial.name for trial in [*trials.of_points(), *trials.of_seeds(3)]]
    assert len(set(names)) == len(names) == len(points.BOUNDARIES) * (3 * 3 + 1) + 3


def test_a_seed_always_means_the_same_plan_and_others_mean_others() -> None:
    assert plans.of_seed(7) == plans.of_seed(7)
    assert len({str(plans.of_seed(seed).faults) for seed in range(100)}) == 100


def test_the_few_have_every_moment_with_every_victim() -> None:
    every = {(cell.moment, cell.victim) for cell in points.every_cell()}
    assert {(cell.moment, cell.victim) for cell in points.a_few()} == every
