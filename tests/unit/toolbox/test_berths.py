import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from focal_service_kit import deadlines
from focal_toolbox import errors
from focal_toolbox.core.berths import Berth, Berths, Limits

HOST, OTHER = "shop:443", "bank:443"


def _berths(**changes: float) -> Berths:
    return Berths(Limits(**{"per_host": 4, "share": 1.0, "waiting": 10, "wait_s": 5, **changes}))  # type: ignore[arg-type]


async def _take(
    berths: Berths, count: int, tenant: str = "acme", host: str = HOST, cap: int = 100
) -> list[Berth]:
    return [await berths.take(tenant, cap, host) for _ in range(count)]


@asynccontextmanager
async def _queued(
    berths: Berths, tenant: str, host: str = HOST, cap: int = 100
) -> AsyncIterator[asyncio.Task[Berth]]:
    task = asyncio.create_task(berths.take(tenant, cap, host))
    await asyncio.sleep(0)
    assert not task.done()
    yield task
    task.cancel()
    await asyncio.wait([task])


async def test_a_host_has_so_many_places_and_others_have_theirs() -> None:
    berths = _berths(wait_s=0)
    await _take(berths, 4)
    with pytest.raises(errors.Refusal) as refused:
        await _take(berths, 1)
    assert refused.value.reason == "TOOLBOX_BUSY"
    assert refused.value.passing
    await _take(berths, 4, host=OTHER)
    assert (berths.taken(), berths.waiting()) == (8, 0)


async def test_a_tenant_has_so_many_places_over_all_hosts() -> None:
    berths = _berths(wait_s=0)
    await _take(berths, 1, cap=2)
    await _take(berths, 1, host=OTHER, cap=2)
    with pytest.raises(errors.Refusal):
        await _take(berths, 1, host=OTHER, cap=2)
    await _take(berths, 1, tenant="globex", cap=2)


async def test_one_host_never_has_all_places_of_a_tenant() -> None:
    berths = _berths(wait_s=0, share=0.8, per_host=10)
    await _take(berths, 4, cap=5)
    with pytest.raises(errors.Refusal):
        await _take(berths, 1, cap=5)
    await _take(berths, 1, host=OTHER, cap=5)


async def test_a_tenant_of_one_place_has_it_anywhere() -> None:
    await _take(_berths(share=0.5), 1, cap=1)


async def test_a_place_that_becomes_free_goes_to_who_waits() -> None:
    berths = _berths(per_host=1)
    (held,) = await _take(berths, 1)
    async with _queued(berths, "globex") as waiting:
        held.leave()
        held.leave()
        (await waiting).leave()
    assert (berths.taken(), berths.waiting()) == (0, 0)


async def test_a_tenants_place_that_becomes_free_at_one_host_lets_it_on_at_another() -> None:
    berths = _berths()
    (held,) = await _take(berths, 1, cap=1)
    async with _queued(berths, "acme", OTHER, cap=1) as waiting:
        held.leave()
        await waiting


async def test_a_tenant_that_floods_waits_behind_itself() -> None:
    berths = _berths(per_host=2, waiting=50)
    held = await _take(berths, 2)
    order: list[str] = []

    async def call(tenant: str) -> None:
        berth = await berths.take(tenant, 100, HOST)
        order.append(tenant)
        await asyncio.sleep(0)
        berth.leave()

    flood = [asyncio.create_task(call("acme")) for _ in range(20)]
    await asyncio.sleep(0)
    late = [asyncio.create_task(call("globex")), asyncio.create_task(call("initech"))]
    await asyncio.sleep(0)
    held[0].leave()
    await asyncio.wait([*flood, *late])
    assert {"globex", "initech"} <= set(order[:4])


async def test_so_many_calls_of_a_tenant_wait_and_no_more() -> None:
    berths = _berths(per_host=1, waiting=1)
    await _take(berths, 1)
    async with _queued(berths, "acme"), _queued(berths, "globex"):
        with pytest.raises(errors.Refusal):
            await berths.take("acme", 100, HOST)


async def test_nobody_waits_longer_than_allowed_or_than_its_caller() -> None:
    berths = _berths(per_host=1, wait_s=0.01)
    await _take(berths, 1)
    with pytest.raises(errors.Refusal):
        await berths.take("acme", 100, HOST)
    patient = _berths(per_host=1, wait_s=60)
    await _take(patient, 1)
    with deadlines.within(0.01), pytest.raises(errors.Refusal):
        await patient.take("acme", 100, HOST)
    assert (berths.waiting(), patient.waiting()) == (0, 0)


async def test_who_gives_up_leaves_no_trace() -> None:
    berths = _berths(per_host=1)
    (held,) = await _take(berths, 1)
    async with _queued(berths, "globex"):
        pass
    held.leave()
    assert (berths.taken(), berths.waiting()) == (0, 0)


async def test_a_place_given_to_who_gives_up_at_that_moment_goes_on_to_the_next() -> None:
    berths = _berths(per_host=1)
    (held,) = await _take(berths, 1)
    async with _queued(berths, "globex") as first, _queued(berths, "initech") as second:
        held.leave()
        first.cancel()
        await second
    assert berths.taken() == 1
