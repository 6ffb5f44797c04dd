import asyncio

import pytest

from focal_turn_gateway.core.lanes import Lanes
from tests.fakes.until import until


async def test_a_lane_keeps_its_order_and_holds_up_no_other() -> None:
    gate, done = asyncio.Event(), []

    async def work(item: str) -> None:
        if item == "a1":
            await gate.wait()
        done.append(item)

    lanes: Lanes[str] = Lanes(work)
    for item in ("a1", "a2", "b1", "b2"):
        lanes.add(item[0], item)
    await until(lambda: done == ["b1", "b2"], "the other lane is through")
    assert lanes.waiting == 2
    gate.set()
    await until(lambda: done == ["b1", "b2", "a1", "a2"], "the lane goes on")
    assert lanes.waiting == 0
    lanes.add("a", "a3")
    await until(lambda: done[-1] == "a3", "a lane that was through is used again")
    await lanes.close()


async def test_a_failure_stops_its_lane_and_is_told() -> None:
    done = []

    async def work(item: int) -> None:
        if item == 1:
            raise ConnectionError
        done.append(item)

    lanes: Lanes[int] = Lanes(work)
    lanes.check()
    lanes.add("a", 1)
    lanes.add("a", 2)
    await until(lanes.moved.is_set, "the failure is told")
    with pytest.raises(ConnectionError):
        lanes.check()
    await lanes.close()
    assert done == []
