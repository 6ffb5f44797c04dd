"""Reading bundles: the cache is a shortcut, never an authority."""

from dataclasses import dataclass, field

import pytest

from focal_config_watcher.core.serving import Bundles
from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.domain.command import Publication, Request
from focal_config_watcher.domain.tenant import Tier
from focal_config_watcher.domain.version import PART_NAMES, AgentKey, Compiled
from focal_kernel import clock, errors
from tests.fakes.config_watcher import FakeCache, FakeTenants, FakeVersions

DESK = AgentKey("acme", "desk")


@dataclass
class World:
    """What a reader reads from."""

    versions: FakeVersions = field(default_factory=FakeVersions)
    cache: FakeCache = field(default_factory=FakeCache)
    registry: Registry = field(default_factory=lambda: Registry(FakeTenants(), clock.ManualClock()))

    async def publish(self) -> None:
        number = len(self.versions.stored.get(DESK, [])) + 1
        parts = {name: f"{name} {number}".encode() for name in PART_NAMES}
        publication = Publication(DESK, f"hash {number}", (), "", "ada", Request("", ""))
        await self.versions.publish(publication, Compiled(parts, "", "m", 2))

    async def read(self, version: int = 0, *names: str) -> dict[str, bytes]:
        bundles = Bundles(self.registry, self.versions, self.cache)
        manifest = await bundles.manifest(DESK, version, names)
        return {part.name: content async for part, content in bundles.parts(manifest)}


@pytest.fixture
async def world() -> World:
    made = World()
    await made.registry.create("acme", "", Tier.PRO, "")
    return made


async def test_version_0_is_the_current_one_and_old_ones_stay_readable(world: World) -> None:
    await world.publish()
    await world.publish()
    assert (await world.read())["rules"] == b"rules 2"
    assert (await world.read(1))["rules"] == b"rules 1"


async def test_named_parts_come_alone_in_the_usual_order(world: World) -> None:
    await world.publish()
    assert list(await world.read(0, "vectors", "agent")) == ["agent", "vectors"]


async def test_what_the_cache_holds_is_not_read_from_the_database(world: World) -> None:
    await world.publish()
    first = await world.read()
    world.versions.parts = None  # type: ignore[assignment, method-assign]
    assert await world.read() == first


async def test_bytes_that_were_never_published_count_as_missing(world: World) -> None:
    await world.publish()
    world.cache.parts[DESK, 1, "rules"] = b"forged"
    assert (await world.read())["rules"] == b"rules 1"
    assert world.cache.parts[DESK, 1, "rules"] == b"rules 1"


async def test_a_cache_that_is_away_is_not_missed(world: World) -> None:
    await world.publish()
    world.cache.away = True
    assert len(await world.read()) == len(PART_NAMES)


async def test_what_is_not_there_is_named(world: World) -> None:
    for read, reason in ((world.read(), "AGENT_NOT_FOUND"), (world.read(7), "AGENT_NOT_FOUND")):
        with pytest.raises(errors.NotFound) as caught:
            await read
        assert caught.value.reason == reason
    await world.publish()
    with pytest.raises(errors.NotFound) as missing:
        await world.read(2)
    assert missing.value.reason == "VERSION_NOT_FOUND"
    with pytest.raises(errors.InvalidArgument):
        await world.read(0, "recipes")
    world.registry = Registry(FakeTenants(), clock.ManualClock())
    world.versions.current_pointers.clear()
    with pytest.raises(errors.NotFound) as unknown:
        await world.read()
    assert unknown.value.reason == "TENANT_NOT_FOUND"
