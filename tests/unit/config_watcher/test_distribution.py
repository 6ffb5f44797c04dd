"""Carrying pointers into the cache, in whatever order writers overtake each other."""

from collections.abc import Mapping

import pytest

from focal_config_watcher.core.distribution import Distributor
from focal_config_watcher.core.watching import Pointers
from focal_config_watcher.domain.command import Publication, Request
from focal_config_watcher.domain.version import PART_NAMES, AgentKey, Compiled, Pointer
from focal_config_watcher.errors import CacheAway
from tests.fakes.config_watcher import FakeCache, FakeVersions

DESK = AgentKey("acme", "desk")


async def publish(versions: FakeVersions, number: int) -> Pointer:
    publication = Publication(DESK, f"hash {number}", (), "", "ada", Request("", ""))
    parts = {name: f"{name} {number}".encode() for name in PART_NAMES}
    return (await versions.publish(publication, Compiled(parts, "", "m", 2))).pointer


def distributor(versions: FakeVersions, cache: FakeCache) -> Distributor:
    pointers = Pointers()
    pointers.load([])
    return Distributor(versions, cache, pointers, reconcile_s=60)


async def test_a_pointer_goes_into_the_cache_over_the_channel_and_to_followers() -> None:
    versions, cache = FakeVersions(), FakeCache()
    made = distributor(versions, cache)
    with made.pointers.follow("") as (_, watch):
        pointer = await publish(versions, 1)
        await made.distribute(pointer)
        await made.pointers.close()
        assert [seen async for seen in watch.changes()] == [pointer]
    assert cache.pointers == {DESK: 1}
    assert cache.announced == [pointer]


async def test_a_cache_that_is_away_is_brought_up_to_date_later() -> None:
    versions, cache = FakeVersions(), FakeCache(away=True)
    made = distributor(versions, cache)
    await made.distribute(await publish(versions, 1))
    with pytest.raises(CacheAway):
        await made.reconcile_once()
    cache.away = False
    await made.reconcile_once()
    assert cache.pointers == {DESK: 1}
    assert (DESK, 1, "vectors") in cache.parts


async def test_a_writer_that_was_overtaken_writes_the_newer_pointer_after_its_own() -> None:
    versions = FakeVersions()

    class OvertakenCache(FakeCache):
        async def write(self, pointer: Pointer, parts: Mapping[str, bytes]) -> None:
            if pointer.version == 1:  # another replica publishes and writes while this one is slow
                newer = await publish(versions, 2)
                await super().write(newer, await versions.parts(DESK, 2, PART_NAMES))
            await super().write(pointer, parts)

    cache = OvertakenCache()
    await distributor(versions, cache).distribute(await publish(versions, 1))
    assert cache.pointers == {DESK: 2}
