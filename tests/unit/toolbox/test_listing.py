from dataclasses import replace

import pytest

from focal_toolbox.core import listing
from focal_toolbox.core.listing import Selection
from focal_toolbox.domain.effect import Query, State
from focal_toolbox.domain.tool import Tier, Tool
from tests.fakes.toolbox.catalogue import FixedCatalogue
from tests.fakes.toolbox.ledger import MemoryLedger
from tests.fakes.toolbox.wishes import to_refund


async def test_pages_follow_one_another_and_end() -> None:
    ledger = MemoryLedger()
    for number in range(1, 5):
        await ledger.reserve(to_refund(number))
    query = Query("acme", state=State.PREPARED, limit=2)
    first = await listing.effects(ledger, query)
    assert [effect.effect_key for effect in first.effects] == ["key_4", "key_3"]
    second = await listing.effects(ledger, replace(query, before=first.next_before))
    assert [effect.effect_key for effect in second.effects] == ["key_2", "key_1"]
    assert second.next_before is None


async def test_tools_are_listed_by_name_with_those_that_are_off() -> None:
    catalogue = FixedCatalogue(Tool("b"), Tool("a", enabled=False))
    tools = await listing.tools(catalogue, "acme", "returns_desk", 0)
    assert [tool.name for tool in tools] == ["a", "b"]


@pytest.mark.parametrize(
    ("selection", "shown"),
    [
        (Selection(enabled_only=True), ["money", "parcel"]),
        (Selection(category="money"), ["money", "off"]),
        (Selection(tier=Tier.PLATFORM), ["parcel"]),
        (Selection(enabled_only=True, category="money", tier=Tier.AGENT), ["money"]),
        (Selection(category="nothing"), []),
    ],
)
async def test_a_listing_can_be_narrowed(selection: Selection, shown: list[str]) -> None:
    catalogue = FixedCatalogue(
        Tool("money", categories=("money",)),
        Tool("off", categories=("money",), enabled=False, tier=Tier.TENANT),
        Tool("parcel", tier=Tier.PLATFORM),
    )
    tools = await listing.tools(catalogue, "acme", "returns_desk", 0, selection)
    assert [tool.name for tool in tools] == shown
