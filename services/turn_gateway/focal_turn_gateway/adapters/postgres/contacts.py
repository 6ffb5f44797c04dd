"""Contacts of customers in the schema `turns`."""

from __future__ import annotations

import json

import asyncpg
from pydantic import TypeAdapter

from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.contacts import Contact

_PUT = "SELECT turns.put_contact($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_DELETE = "SELECT turns.delete_contact($1, $2, $3, $4, $5)"
_OF_CUSTOMER = """
SELECT customer_id, channel, address, verified, opted_in, source, since, updated_at FROM turns.contacts
WHERE tenant_id = $1 AND customer_id = $2 AND channel > $3 ORDER BY channel LIMIT $4
"""
_CONTACT = TypeAdapter(Contact)


class PostgresContacts:
    """`ports.contacts.Contacts`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def put(self, tenant_id: str, contact: Contact, request_id: str) -> Contact:
        """Store a contact unless a later word is known. Raises CustomerNotFound, RequestIdReused,
        StoreUnavailable.
        """
        since = contact.since.isoformat() if contact.since else ""
        word = (str(contact.verified), str(contact.opted_in), contact.source, since)
        content = ids.digest(contact.customer_id, contact.channel, contact.address, *word)
        with failures.translated():
            stands = await self._pool.fetchval(
                _PUT,
                tenant_id,
                contact.customer_id,
                contact.channel,
                contact.address,
                contact.verified,
                contact.opted_in,
                contact.source,
                contact.since,
                request_id,
                content,
            )
        if stands is None:
            raise errors.CustomerNotFound(contact.customer_id)
        found = json.loads(stands)
        found.pop("tenant_id")
        return _CONTACT.validate_python(found)

    async def of_customer(self, tenant_id: str, customer_id: str, after: str, limit: int) -> list[Contact]:
        """Contacts on channels with a name above `after`. Raises StoreUnavailable."""
        with failures.translated():
            rows = await self._pool.fetch(_OF_CUSTOMER, tenant_id, customer_id, after, limit)
        return [_CONTACT.validate_python(dict(row)) for row in rows]

    async def delete(self, tenant_id: str, customer_id: str, channel: str, request_id: str) -> bool:
        """Forget a contact. Raises RequestIdReused, StoreUnavailable."""
        content = ids.digest(customer_id, channel)
        with failures.translated():
            found: bool = await self._pool.fetchval(
                _DELETE, tenant_id, customer_id, channel, request_id, content
            )
        return found
