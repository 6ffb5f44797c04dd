import asyncio
from dataclasses import replace
from typing import Any

import pytest

from focal_kernel.clock import ManualClock
from focal_pipeline import errors
from focal_pipeline.core import runtimes
from focal_pipeline.domain.bundle import Agent, Pointer
from tests.fakes import pipeline as fakes
from tests.fakes.until import until


@pytest.fixture
def source() -> fakes.Bundles:
    bundles = fakes.Bundles()
    bundles.publish(fakes.bundle(version=1))
    return bundles


def cache(source: fakes.Bundles, clock: ManualClock | None = None, size: int = 10) -> runtimes.Runtimes:
    timer = (clock or ManualClock()).monotonic
    return runtimes.Runtimes(source, fakes.EMBEDDER, size=size, ttl_s=60, timer=timer)


async def get(cached: runtimes.Runtimes, version: int = 0) -> Any:
    return await cached.get(fakes.TENANT, fakes.AGENT, version)


async def test_a_version_is_fetched_once(source: fakes.Bundles) -> None:
    cached = cache(source)
    assert await get(cached, 1) is await get(cached, 1)
    assert len(source.fetched) == 1


async def test_many_who_ask_at_once_cause_one_fetch(source: fakes.Bundles) -> None:
    source.gate = asyncio.Event()
    cached = cache(source)
    waiting = [asyncio.create_task(get(cached, 1)) for _ in range(20)]
    await until(lambda: source.fetched, "the fetch began")
    source.gate.set()
    assert len(set(map(id, await asyncio.gather(*waiting)))) == 1
    assert len(source.fetched) == 1


async def test_a_waiter_that_leaves_does_not_stop_the_fetch_for_the_others(source: fakes.Bundles) -> None:
    source.gate = asyncio.Event()
    cached = cache(source)
    leaving, staying = asyncio.create_task(get(cached, 1)), asyncio.create_task(get(cached, 1))
    await until(lambda: source.fetched, "the fetch began")
    leaving.cancel()
    source.gate.set()
    assert (await staying).version == 1


async def test_a_failed_fetch_is_tried_again_by_the_next_turn(source: fakes.Bundles) -> None:
    source.away = True
    cached = cache(source)
    with pytest.raises(errors.ConfigUnavailable):
        await get(cached, 1)
    source.away = False
    assert (await get(cached, 1)).version == 1


async def test_a_new_version_of_an_agent_in_use_is_there_before_a_turn_asks(source: fakes.Bundles) -> None:
    cached = cache(source)
    cached.announce(Pointer(fakes.TENANT, fakes.AGENT, 1))
    await get(cached)
    source.publish(fakes.bundle(version=2))
    source.gate = asyncio.Event()
    cached.announce(Pointer(fakes.TENANT, fakes.AGENT, 2))
    assert (await get(cached)).version == 1, "the old one serves until the new one is ready"
    source.gate.set()
    await until(lambda: cached._current[fakes.TENANT, fakes.AGENT] == 2, "the new one is current")
    fetches = len(source.fetched)
    assert (await get(cached)).version == 2
    assert len(source.fetched) == fetches


async def test_a_rollback_is_followed_too(source: fakes.Bundles) -> None:
    source.publish(fakes.bundle(version=2))
    cached = cache(source)
    cached.announce(Pointer(fakes.TENANT, fakes.AGENT, 2))
    assert (await get(cached)).version == 2
    cached.announce(Pointer(fakes.TENANT, fakes.AGENT, 1))
    await until(lambda: cached._current[fakes.TENANT, fakes.AGENT] == 1, "version 1 is current again")


async def test_a_version_that_cannot_run_here_is_not_switched_to(source: fakes.Bundles) -> None:
    cached = cache(source)
    cached.announce(Pointer(fakes.TENANT, fakes.AGENT, 1))
    await get(cached)
    foreign = replace(fakes.bundle(version=2), embedding_model="other", vector_keys=("entry:s:0",))
    source.publish(foreign)
    cached.announce(Pointer(fakes.TENANT, fakes.AGENT, 2))
    await until(lambda: not cached._loading, "the prefetch ended")
    assert (await get(cached)).version == 1


async def test_pinned_sessions_keep_their_version_after_a_publication(source: fakes.Bundles) -> None:
    source.publish(fakes.bundle(version=2))
    cached = cache(source)
    cached.announce(Pointer(fakes.TENANT, fakes.AGENT, 2))
    assert (await get(cached, 1)).version == 1


async def test_cached_versions_serve_while_config_is_away(source: fakes.Bundles) -> None:
    cached = cache(source)
    cached.announce(Pointer(fakes.TENANT, fakes.AGENT, 1))
    await get(cached)
    source.away = True
    assert (await get(cached)).version == 1


async def test_a_version_nobody_used_for_long_is_dropped(source: fakes.Bundles) -> None:
    clock = ManualClock()
    cached = cache(source, clock)
    await get(cached, 1)
    clock.advance(59)
    await get(cached, 1)
    clock.advance(59)
    await get(cached, 1)
    assert len(source.fetched) == 1, "use renews"
    clock.advance(61)
    await get(cached, 1)
    assert len(source.fetched) == 2


async def test_the_least_recently_used_version_makes_room(source: fakes.Bundles) -> None:
    source.publish(fakes.bundle(version=2))
    source.publish(fakes.bundle(version=3))
    cached = cache(source, size=2)
    await get(cached, 1)
    await get(cached, 2)
    await get(cached, 1)
    await get(cached, 3)
    fetches = len(source.fetched)
    await get(cached, 1)
    assert len(source.fetched) == fetches
    await get(cached, 2)
    assert len(source.fetched) == fetches + 1


async def test_a_disabled_agent_is_not_found() -> None:
    source = fakes.Bundles()
    source.publish(fakes.bundle(agent=Agent(fakes.AGENT, enabled=False)))
    with pytest.raises(errors.AgentDisabled):
        await get(cache(source))


async def test_an_unknown_agent_is_not_found(source: fakes.Bundles) -> None:
    with pytest.raises(errors.AgentNotFound):
        await cache(source).get(fakes.TENANT, "nobody", 0)
