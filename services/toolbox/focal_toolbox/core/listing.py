"""Pages through the ledger, and shows an agent's tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from focal_toolbox.domain.effect import Effect, Query
from focal_toolbox.domain.tool import Tool
from focal_toolbox.ports.catalogue import ToolCatalogue
from focal_toolbox.ports.ledger import EffectLedger


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


async def tools(catalogue: ToolCatalogue, tenant_id: str, agent_id: str, version: int) -> Sequence[Tool]:
    """An agent's tools by name, those it may not call included."""
    found = await catalogue.tools(tenant_id, agent_id, version)
    return [found[name] for name in sorted(found)]
