"""Pages through the ledger, and shows an agent's tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from focal_toolbox import errors
from focal_toolbox.domain.effect import Effect, Query, Resolution
from focal_toolbox.domain.tool import Tier, Tool
from focal_toolbox.ports.catalogue import ToolCatalogue
from focal_toolbox.ports.doubts import Doubts
from focal_toolbox.ports.ledger import EffectLedger

MOST_SAID = 100
"""Statements shown of one effect; nobody reads further."""


@dataclass(frozen=True, slots=True)
class Page:
    """Effects, newest first; `next_before` asks for the next page, None on the last."""

    effects: Sequence[Effect]
    next_before: int | None


async def effects(ledger: EffectLedger, query: Query) -> Page:
    """One page; one row more is read to know whether another page follows."""
    found = await ledger.page(replace(query, limit=query.limit + 1))
    shown = found[: query.limit]
    more = len(found) > query.limit
    return Page(shown, shown[-1].position if more else None)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tools of an agent to show; everything unless it is narrowed."""

    enabled_only: bool = False
    category: str = ""
    tier: Tier | None = None

    def has(self, tool: Tool) -> bool:
        """Whether a tool is to be shown."""
        return (
            (tool.enabled or not self.enabled_only)
            and (not self.category or self.category in tool.categories)
            and (self.tier is None or tool.tier is self.tier)
        )


ALL = Selection()


async def effect(
    ledger: EffectLedger, doubts: Doubts, tenant_id: str, effect_id: str
) -> tuple[Effect, Sequence[Resolution]]:
    """One effect, and what was said about doubts of it, latest first. Raises EffectNotFound."""
    found = await ledger.find(tenant_id, effect_id)
    if found is None:
        raise errors.EffectNotFound(effect_id)
    return found, await doubts.said(tenant_id, effect_id, MOST_SAID)


async def tools(
    catalogue: ToolCatalogue, tenant_id: str, agent_id: str, version: int, selection: Selection = ALL
) -> Sequence[Tool]:
    """The selected tools of an agent by name, those it may not call included unless they are left out."""
    found = await catalogue.tools(tenant_id, agent_id, version)
    return [found[name] for name in sorted(found) if selection.has(found[name])]
