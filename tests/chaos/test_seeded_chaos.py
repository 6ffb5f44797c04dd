"""Many customers, many blows, drawn from a seed. FOCAL_CHAOS_SEEDS says how many seeds are played."""

from __future__ import annotations

import os

import pytest

from tests.chaos.harness import plans, play
from tests.chaos.harness.play import Outcome
from tests.chaos.harness.rig import Rig

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SEEDS = range(1, 1 + int(os.environ.get("FOCAL_CHAOS_SEEDS", "3")))


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return []


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_promise_is_kept_whatever_crashes(
    rig: Rig, seed: int, recovery_s: dict[str, float], outcomes: list[Outcome]
) -> None:
    outcome = await play.play(rig, plans.of_seed(seed))
    outcomes.append(outcome)
    recovery_s[f"seed {seed}: from the last of {len(outcome.struck)} blows to quiet"] = outcome.healed_s
    assert outcome.violations == [], outcome.struck


async def test_the_blows_struck_turns_and_refunds(outcomes: list[Outcome]) -> None:
    if not outcomes:
        pytest.skip("no seed was played")
    assert sum(outcome.crashed_attempts for outcome in outcomes) > 0, "all turns came through untouched"
    assert sum(outcome.paid for outcome in outcomes) > 0, "nothing was refunded"
