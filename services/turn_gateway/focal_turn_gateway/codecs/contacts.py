"""Contacts to protobuf and back."""

from __future__ import annotations

from datetime import UTC

from focal.turn.v1 import contact_service_pb2 as pb
from focal_turn_gateway import errors
from focal_turn_gateway.domain.contacts import Contact


def contact_from_proto(contact: pb.Contact) -> Contact:
    """A contact, unchecked but for its time. Raises InvalidField."""
    since = None
    if contact.HasField("since"):
        try:
            since = contact.since.ToDatetime(UTC)
        except (ValueError, OverflowError):
            raise errors.InvalidField("contact.since", "is no time of the years 1 to 9999") from None
    return Contact(
        contact.customer_id,
        contact.channel,
        contact.address,
        contact.verified,
        contact.opted_in,
        contact.source,
        since,
    )


def contact_to_proto(contact: Contact) -> pb.Contact:
    """A contact."""
    encoded = pb.Contact(
        customer_id=contact.customer_id,
        channel=contact.channel,
        address=contact.address,
        verified=contact.verified,
        opted_in=contact.opted_in,
        source=contact.source,
    )
    if contact.since is not None:
        encoded.since.FromDatetime(contact.since)
    if contact.updated_at is not None:
        encoded.updated_at.FromDatetime(contact.updated_at)
    return encoded
