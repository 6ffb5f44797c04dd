"""Changes of catalogues, against the port's twin."""

from dataclasses import replace

import pytest

from focal_config_watcher.core.cataloguing import Catalogue, Outcome, Writing
from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.domain.catalogue import PLATFORM, Shelf
from focal_config_watcher.domain.sources import Limits, SourceFile
from focal_config_watcher.domain.tenant import Tier
from focal_kernel import clock, errors
from tests.fakes.config_watcher import FakeCatalogues, FakeTenants

LOOK = "look: {description: Looks., policy: pure, http: {url: 'http://shop'}}"
HOLD = """
hold:
  description: Holds.
  policy: compensatable
  business_key: [order_id]
  compensation: release
  parameters: {type: object, properties: {order_id: {type: string}}, required: [order_id]}
  http: {method: POST, url: "http://shop/{order_id}"}
"""
RELEASE = """
release:
  description: Releases.
  policy: idempotent
  parameters: {type: object, properties: {order_id: {type: string}}, required: [order_id]}
  http: {method: DELETE, url: "http://shop/{order_id}"}
"""


class World:
    """A catalogue of three tools at most, with the tenants `acme` and `other`."""

    def __init__(self) -> None:
        self.shelves = FakeCatalogues()
        self.registry = Registry(FakeTenants(), clock.ManualClock())
        self.catalogue = Catalogue(self.registry, self.shelves, Limits(), most_tools=3)

    async def put(self, text: str, tenant_id: str = "acme", request_id: str = "", **etags: str) -> Outcome:
        writing = Writing(tenant_id, "ada", request_id)
        return await self.catalogue.put(writing, SourceFile("tools.yaml", text), etags)

    async def adopt(self, name: str, text: str = "", etag: str = "") -> Outcome:
        writing = Writing("acme", "ada", "")
        return await self.catalogue.adopt(writing, name, SourceFile("changes.yaml", text), etag)

    async def delete(self, name: str, tenant_id: str = "acme") -> None:
        await self.catalogue.delete(Writing(tenant_id, "ada", ""), name, "")

    async def names(self, tenant_id: str = "acme") -> list[str]:
        return [found.entry.name for found in await self.catalogue.page(tenant_id, "", 10)]


@pytest.fixture
async def world() -> World:
    made = World()
    for tenant_id in ("acme", "other"):
        await made.registry.create(tenant_id, "", Tier.PRO, "")
    return made


def reasons(outcome: Outcome) -> set[str]:
    return {problem.reason for problem in outcome.problems}


async def test_tools_that_refer_to_each_other_are_put_together_and_none_alone(world: World) -> None:
    alone = await world.put(HOLD)
    assert (alone.stocked, reasons(alone)) == ((), {"DANGLING_TOOL"})
    assert await world.names() == []
    together = await world.put(HOLD + RELEASE)
    assert together.problems == ()
    assert await world.names() == ["hold", "release"]


async def test_every_problem_is_told_at_once_with_its_line(world: World) -> None:
    outcome = await world.put("a: {description: A., policy: sloppy, http: {url: x}}\nb: {policy: pure}\n")
    assert {(p.line, p.reason) for p in outcome.problems} >= {(1, "BAD_VALUE"), (2, "MISSING_KEY")}
    assert await world.names() == []


async def test_a_change_that_breaks_another_tool_is_refused(world: World) -> None:
    await world.put(HOLD + RELEASE)
    outcome = await world.put(RELEASE.replace("idempotent", "pure"))
    assert reasons(outcome) == {"BAD_COMPENSATION"}
    assert [problem.path for problem in outcome.problems] == ["catalogue:tenant/hold"]
    with pytest.raises(errors.FailedPrecondition) as refused:
        await world.delete("release")
    assert refused.value.metadata["used_by"] == "hold"


async def test_what_was_broken_before_does_not_stand_in_the_way_of_others(world: World) -> None:
    await world.put(LOOK.replace("pure", "idempotent"), PLATFORM)
    await world.adopt("look", "policy: idempotent")
    strict = LOOK.replace(
        "policy: pure",
        "policy: irreversible, business_key: [id], "
        "parameters: {type: object, properties: {id: {type: string}}, required: [id]}",
    )
    assert (await world.put(strict, PLATFORM)).problems == ()
    (found,) = await world.catalogue.page("acme", "", 10)
    assert {problem.reason for problem in found.problems} == {"LOOSER_THAN_DEFINED"}
    assert (await world.put(RELEASE)).problems == ()


async def test_a_tool_of_the_platform_is_available_once_it_is_adopted(world: World) -> None:
    await world.put(LOOK, PLATFORM)
    assert await world.catalogue.available("acme") == ()
    (adopted,) = (await world.adopt("look", "http: {url: 'http://ours'}")).stocked
    assert adopted.definition_json == (
        '{"description":"Looks.","http":{"url":"http://ours"},"policy":"pure"}'
    )
    (offer,) = await world.catalogue.available("acme")
    assert (offer.name, offer.tier) == ("look", "platform")
    assert await world.catalogue.available("other") == ()
    with pytest.raises(errors.FailedPrecondition, match="tenants have adopted it"):
        await world.delete("look", PLATFORM)
    await world.delete("look")
    await world.delete("look", PLATFORM)


async def test_an_adoption_needs_what_the_tool_needs(world: World) -> None:
    await world.put(HOLD + RELEASE, PLATFORM)
    assert reasons(await world.adopt("hold")) == {"DANGLING_TOOL"}
    assert (await world.adopt("release")).problems == ()
    assert (await world.adopt("hold")).problems == ()
    assert reasons(await world.adopt("hold", "policy: pure")) == {"LOOSER_THAN_DEFINED"}
    assert reasons(await world.adopt("hold", "- a list")) == {"WRONG_TYPE"}


async def test_definitions_and_adoptions_do_not_replace_one_another(world: World) -> None:
    await world.put(LOOK, PLATFORM)
    await world.put(LOOK)
    with pytest.raises(errors.AlreadyExists):
        await world.adopt("look")
    await world.delete("look")
    await world.adopt("look")
    with pytest.raises(errors.AlreadyExists):
        await world.put(LOOK)


async def test_an_etag_that_is_no_longer_true_refuses(world: World) -> None:
    (first,) = (await world.put(LOOK)).stocked
    await world.put(LOOK.replace("Looks", "Sees"))
    with pytest.raises(errors.Aborted):
        await world.put(LOOK, look=first.entry.etag)
    (now,) = await world.catalogue.page("acme", "", 1)
    assert (await world.put(LOOK, look=now.entry.etag)).stocked


async def test_a_writer_that_was_overtaken_decides_anew(world: World) -> None:
    await world.put(HOLD + RELEASE)

    def overtake() -> None:
        shelf = world.shelves.shelves["acme"]
        entries = {name: entry for name, entry in shelf.entries.items() if name != "hold"}
        world.shelves.shelves["acme"] = Shelf(shelf.revision + 1, entries)

    world.shelves.interrupt = overtake
    assert (await world.put(LOOK)).stocked
    assert await world.names() == ["look", "release"]


async def test_a_repeated_request_is_answered_alike_and_another_content_refused(world: World) -> None:
    first = await world.put(LOOK, request_id="req-1")
    await world.put(LOOK.replace("Looks", "Sees"))
    assert (await world.put(LOOK, request_id="req-1")).stocked == first.stocked
    with pytest.raises(errors.AlreadyExists):
        await world.put(RELEASE, request_id="req-1")


async def test_a_catalogue_has_an_end(world: World) -> None:
    await world.put(HOLD + RELEASE + LOOK)
    with pytest.raises(errors.ResourceExhausted):
        await world.put(LOOK.replace("look", "see"))
    assert (await world.put(LOOK)).stocked


async def test_what_is_not_there_is_not_found(world: World) -> None:
    for call in (world.catalogue.get("acme", "x"), world.delete("x"), world.adopt("x")):
        with pytest.raises(errors.NotFound) as refused:
            await call
        assert refused.value.reason == "CATALOGUE_TOOL_NOT_FOUND"
    with pytest.raises(errors.NotFound) as unknown:
        await world.put(LOOK, "nobody")
    assert unknown.value.reason == "TENANT_NOT_FOUND"


async def test_an_etag_follows_the_content_alone(world: World) -> None:
    (found,) = (await world.put(LOOK)).stocked
    assert replace(found.entry, changed_by="bob").etag == found.entry.etag
    assert replace(found.entry, adopted=True).etag != found.entry.etag


async def test_a_source_without_tools_is_refused(world: World) -> None:
    assert reasons(await world.put("")) == {"EMPTY"}
