"""Do what a person decided about a delivery that failed or is in doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from focal_turn_gateway.domain.deliveries import Delivery, Resolve
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.ports.delivery import Deliveries
from focal_turn_gateway.ports.live import LiveFeed


@dataclass(frozen=True, slots=True)
class ResolveDelivery:
    """`wake` tells this process's workers that something may be due."""

    deliveries: Deliveries
    live: LiveFeed
    wake: Callable[[], None]

    async def __call__(self, tenant_id: str, resolve: Resolve, request: Request) -> Delivery:
        """The delivery as it stands then. Raises DeliveryNotFound, DeliveryNotResolvable, RequestIdReused,
        StoreUnavailable.
        """
        delivery = await self.deliveries.resolve(tenant_id, resolve, request)
        self.live.hint(delivery.session_id)
        self.wake()
        return delivery
