"""Knows the tier of each tenant: from its callers' verified tokens, else from the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cachetools
import grpc
import grpc.aio

from focal.config.v1 import tenant_service_pb2 as pb
from focal.config.v1 import tenant_service_pb2_grpc as api
from focal_service_kit import logging
from focal_turn_gateway.domain import tiers
from focal_turn_gateway.domain.tiers import Tier

_REMEMBERED = 10_000
_log = logging.get("tiers")


class TenantTiers:
    """`ports.Tiers`.

    `token` mints a token for a tenant. An answer of the registry is trusted for `known_s` seconds, and the
    absence of one for `unknown_s`: a registry that is away costs one call in so long, and a tenant keeps the
    tier that was last seen.
    """

    def __init__(
        self, channel: grpc.aio.Channel, token: Callable[[str], str], *, known_s: float, unknown_s: float
    ) -> None:
        self._stub: Any = api.TenantServiceStub(channel)
        self._token = token
        self._asked: cachetools.TTLCache[str, bool] = cachetools.TTLCache(_REMEMBERED, known_s)
        self._failed: cachetools.TTLCache[str, bool] = cachetools.TTLCache(_REMEMBERED, unknown_s)
        self._known: cachetools.LRUCache[str, Tier] = cachetools.LRUCache(_REMEMBERED)

    async def tier(self, tenant_id: str, claimed: str) -> Tier | None:
        """The tier of a tenant whose caller's token claims one (empty: it does not)."""
        if (claim := tiers.named(claimed)) is not None:
            self._known[tenant_id] = claim
        elif tenant_id not in self._asked and tenant_id not in self._failed:
            await self._ask(tenant_id)
        return self._known.get(tenant_id)

    def seen(self, tenant_id: str) -> Tier | None:
        """The tier that was last seen here, without asking anybody."""
        return self._known.get(tenant_id)

    async def _ask(self, tenant_id: str) -> None:
        try:
            answer = await self._stub.GetTenant(
                pb.GetTenantRequest(tenant_id=tenant_id),
                metadata=(("authorization", f"Bearer {self._token(tenant_id)}"),),
            )
        except grpc.aio.AioRpcError as error:
            self._failed[tenant_id] = True
            _log.warning("tier not found", tenant=tenant_id, cause=error.code().name)
            return
        self._asked[tenant_id] = True
        name = pb.TenantTier.Name(answer.tenant.tier).removeprefix("TENANT_TIER_")
        # An unspecified tier is treated as FREE, see the contract.
        self._known[tenant_id] = tiers.named(name) or Tier.FREE
