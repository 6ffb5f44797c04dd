from dataclasses import replace

from focal_toolbox.core import listing
from focal_toolbox.domain.effect import Query, State
from focal_toolbox.domain.tool import Tool
from tests.fakes import toolbox
from tests.fakes.toolbox import FixedCatalogue, MemoryLedger


async def test_pages_follow_one_another_and_end() -> None:
    ledger = MemoryLedger()
    for number in range(1, 5):
        await ledger.reserve(toolbox.wish(number))
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
