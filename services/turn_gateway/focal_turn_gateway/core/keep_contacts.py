"""Keep where customers may be written to, and their word on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from focal_kernel import ids
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.contacts import Contact
from focal_turn_gateway.ports.contacts import Contacts


@dataclass(frozen=True, slots=True)
class KeepContacts:
    """Contacts as their keepers change and see them; `now` is this process's clock."""

    contacts: Contacts
    registry: Registry
    now: Callable[[], datetime]

    async def put(self, tenant_id: str, contact: Contact, request_id: str) -> Contact:
        """The contact as it stands then. Raises InvalidField, UnknownChannel, InvalidArgument (INVALID_ID),
        CustomerNotFound, RequestIdReused, StoreUnavailable.
        """
        checked = contact.checked(self.registry, self.now())
        return await self.contacts.put(tenant_id, checked, _request_id(request_id))

    async def of_customer(self, tenant_id: str, customer_id: str, after: str, limit: int) -> list[Contact]:
        """Contacts behind a channel, by channel. Raises InvalidArgument (INVALID_ID), StoreUnavailable."""
        ids.check_id(customer_id, "customer_id")
        return await self.contacts.of_customer(tenant_id, customer_id, after, limit)

    async def delete(self, tenant_id: str, customer_id: str, channel: str, request_id: str) -> bool:
        """Whether there was one. Raises InvalidArgument (INVALID_ID), RequestIdReused, StoreUnavailable."""
        ids.check_id(customer_id, "customer_id")
        # A channel that is registered no more can still be forgotten.
        name = ids.check_id(self.registry.aliases.get(channel, channel), "channel")
        return await self.contacts.delete(tenant_id, customer_id, name, _request_id(request_id))


def _request_id(value: str) -> str:
    return ids.check_foreign_id(value, "request_id") if value else ""
