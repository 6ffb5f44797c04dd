"""Where customers may be written to."""

from __future__ import annotations

from typing import Protocol

from focal_turn_gateway.domain.contacts import Contact


class Contacts(Protocol):
    """The contacts of customers, one per channel."""

    async def put(self, tenant_id: str, contact: Contact, request_id: str) -> Contact:
        """Store a contact unless a later word is known; returns it as it stands. Raises CustomerNotFound,
        RequestIdReused, StoreUnavailable.
        """

    async def of_customer(self, tenant_id: str, customer_id: str, after: str, limit: int) -> list[Contact]:
        """Contacts on channels with a name above `after`, by name. Raises StoreUnavailable."""

    async def delete(self, tenant_id: str, customer_id: str, channel: str, request_id: str) -> bool:
        """Forget a contact; whether there was one. Raises RequestIdReused, StoreUnavailable."""
