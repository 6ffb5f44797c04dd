"""Many customers, many blows, drawn from a seed. FOCAL_CHAOS_SEEDS says how many seeds are played."""

from __future__ import annotations

import os

import pytest

from tests.chaos.harness import plans, play
from tests.chaos.harness.rig import Rig

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SEEDS = range(1, 1 + int(os.environ.get("FOCAL_CHAOS_SEEDS", "3")))


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_promise_is_kept_whatever_crashes(
    rig: Rig, seed: int, recovery_s: dict[str, float]
) -> None:
    outcome = await play.play(rig, plans.of_seed(seed))
    recovery_s[f"seed {seed}: from the last of {len(outcome.struck)} blows to quiet"] = outcome.healed_s
    assert outcome.violations == [], outcome.struck
    assert outcome.paid + outcome.doubtful > 0, "no refund was tried: this seed proves nothing"
    assert outcome.crashed_attempts > 0, "no blow struck a turn: this seed proves nothing"
