"""Knows how many calls of a tenant may be under way, from the tokens of its callers."""

from __future__ import annotations

from collections.abc import Mapping

import cachetools

from focal_service_kit.identity import caller as callers
from focal_toolbox.domain import tiers
from focal_toolbox.domain.tiers import TenantTier

_REMEMBERED = 10_000


class CallerTiers:
    """`ports.limits.TenantCaps`. A tenant keeps the tier that a token last named; until one does, its cap is
    `unknown`.
    """

    def __init__(self, caps: Mapping[TenantTier, int], unknown: int) -> None:
        self._caps = caps
        self._unknown = unknown
        self._known: cachetools.LRUCache[str, TenantTier] = cachetools.LRUCache(_REMEMBERED)

    def of(self, tenant_id: str) -> int:
        """See TenantCaps."""
        incoming = callers.incoming()
        caller = incoming.caller if incoming else None
        if caller and caller.tenant_id == tenant_id and (tier := tiers.named(caller.tier)):
            self._known[tenant_id] = tier
        known = self._known.get(tenant_id)
        return self._unknown if known is None else self._caps[known]
