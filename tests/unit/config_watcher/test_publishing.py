"""The order of a publication, against the ports' twins."""

from dataclasses import replace
from typing import Any

import pytest

from focal_config_watcher.core.cataloguing import Catalogue
from focal_config_watcher.core.compilation import Compiler
from focal_config_watcher.core.distribution import Distributor
from focal_config_watcher.core.publishing import (
    Event,
    Order,
    Published,
    Publisher,
    Refused,
    Stage,
    StageReport,
)
from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.core.watching import Pointers
from focal_config_watcher.domain.catalogue import Entry, Shelf
from focal_config_watcher.domain.sources import Limits, SourceFile
from focal_config_watcher.domain.tenant import Tier
from focal_config_watcher.domain.version import AgentKey
from focal_embedding.hashed import HashedEmbedder
from focal_kernel import clock, errors
from tests.fakes.config_watcher import (
    FakeCache,
    FakeCatalogues,
    FakeEncoder,
    FakeTenants,
    FakeVersions,
    sources,
)

DESK = AgentKey("acme", "desk")
RULES = "\n".join(f"r{n}: {{when: rule number {n}, then: y}}" for n in range(5))


class World:
    """A publisher with everything it publishes to."""

    def __init__(self) -> None:
        self.versions = FakeVersions()
        self.cache = FakeCache()
        self.registry = Registry(FakeTenants(), clock.ManualClock())
        distributor = Distributor(self.versions, self.cache, Pointers(), reconcile_s=60)
        compiler = Compiler(HashedEmbedder(64), FakeEncoder(), batch=2)
        self.catalogues = FakeCatalogues()
        catalogue = Catalogue(self.registry, self.catalogues, Limits(), most_tools=10)
        self.publisher = Publisher(Limits(), self.registry, catalogue, self.versions, compiler, distributor)

    async def publish(self, files: tuple[SourceFile, ...], **changes: Any) -> list[Event]:
        order = Order("acme", "", files, note="", published_by="ada", request_id="")
        return [event async for event in self.publisher.publish(replace(order, **changes))]


@pytest.fixture
async def world() -> World:
    made = World()
    await made.registry.create("acme", "", Tier.PRO, "")
    return made


async def test_the_stages_pass_in_order_and_embedding_is_counted(world: World) -> None:
    *stages, last = await world.publish(sources(rules=RULES))
    assert isinstance(last, Published)
    reports = [event for event in stages if isinstance(event, StageReport)]
    assert len(reports) == len(stages)
    assert list(dict.fromkeys(report.stage for report in reports)) == list(Stage)
    compiled = [(r.completed, r.total) for r in reports if r.stage is Stage.COMPILE and not r.done]
    assert compiled == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert {report.stage for report in reports if report.done} == set(Stage)


async def test_sources_with_errors_change_nothing(world: World) -> None:
    last = (await world.publish(sources(rules="r: {when: x}")))[-1]
    assert isinstance(last, Refused)
    assert [problem.reason for problem in last.problems] == ["MISSING_KEY"]
    assert world.versions.stored == {}
    assert world.cache.pointers == {}


async def test_warnings_come_with_the_version(world: World) -> None:
    last = (await world.publish(sources(scenarios="s: {starts_when: [x], steps: {a: {}}}")))[-1]
    assert isinstance(last, Published)
    assert [problem.reason for problem in last.warnings] == ["DEAD_END"]


async def test_equal_sources_make_no_new_version_and_are_not_embedded_again(world: World) -> None:
    await world.publish(sources(rules=RULES))
    again = await world.publish(sources(rules=RULES + "\n# a remark\n"))
    assert isinstance(again[-1], Published)
    assert again[-1].settled.unchanged
    assert Stage.COMPILE not in {event.stage for event in again if isinstance(event, StageReport)}
    assert len(world.versions.stored[DESK]) == 1


async def test_another_embedding_makes_a_new_version_of_equal_sources(world: World) -> None:
    await world.publish(sources(rules=RULES))
    compiler = replace(world.publisher.compiler, embedder=HashedEmbedder(128))
    world.publisher = replace(world.publisher, compiler=compiler)
    last = (await world.publish(sources(rules=RULES)))[-1]
    assert isinstance(last, Published)
    assert (last.settled.pointer.version, last.settled.unchanged) == (2, False)


async def test_a_version_is_published_although_the_cache_is_away(world: World) -> None:
    world.cache.away = True
    last = (await world.publish(sources()))[-1]
    assert isinstance(last, Published)
    assert (await world.versions.pointer(DESK)) == last.settled.pointer


async def test_an_unknown_tenant_is_refused_first(world: World) -> None:
    with pytest.raises(errors.NotFound) as caught:
        await world.publish(sources(), tenant_id="nobody")
    assert caught.value.reason == "TENANT_NOT_FOUND"


async def test_the_named_agent_must_be_the_folders(world: World) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await world.publish(sources(), agent_id="other")
    assert caught.value.violations[0].field == "agent_id"


async def test_files_that_are_not_read_are_not_kept(world: World) -> None:
    await world.publish((*sources(), SourceFile("notes.txt", "\0")))
    [stored] = world.versions.stored[DESK]
    assert [file.path for file in stored.publication.files] == ["agent.yaml"]


async def test_a_repeated_request_is_answered_alike_after_a_catalogue_has_changed(world: World) -> None:
    look = Entry("look", '{"description":"L","http":{"url":"http://x"},"policy":"pure"}')
    world.catalogues.shelves["acme"] = Shelf(1, {"look": look})
    bound = sources(rules="r: {when: x, then: y, tools: [{tool: look}]}")
    *_, first = await world.publish(bound, request_id="req-1")
    world.catalogues.shelves["acme"] = Shelf(2, {})
    *_, again = await world.publish(bound, request_id="req-1")
    *_, anew = await world.publish(bound, request_id="req-2")
    assert isinstance(first, Published)
    assert isinstance(again, Published)
    assert again.settled == first.settled
    assert isinstance(anew, Refused)
