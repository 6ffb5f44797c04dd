"""Conformance of the turn engine: a crash at every step boundary, before, unrecorded and after.

One crash at each boundary here; `make chaos` plays all of them, and freezes a gateway at each boundary too.
"""

from __future__ import annotations

import pytest

from tests.chaos.harness import points
from tests.chaos.harness.points import Cell
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.scenes import Crash

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

FROZEN = points.BOUNDARIES[2]


@pytest.mark.parametrize("cell", [*points.a_few()], ids=str)
async def test_a_crash_at_a_step_boundary_keeps_every_promise(rig: Rig, crash: Crash, cell: Cell) -> None:
    await points.crash_at(rig, crash, cell)


async def test_a_gateway_frozen_at_a_step_boundary_changes_nothing_when_it_thaws(
    rig: Rig, crash: Crash
) -> None:
    await points.freeze_at(rig, crash, FROZEN)
