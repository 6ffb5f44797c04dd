"""Where customers may be written to, and what they said to that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.domain import personal_addresses
from focal_turn_gateway.domain.channels import Registry, UserIds

_READERS = {
    UserIds.PHONES: (personal_addresses.phone, "a phone number in E.164, such as +34600111222"),
    UserIds.EMAILS: (personal_addresses.email, "an e-mail address"),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer's `address` on a channel. `opted_in` is their word on being written to there: given at
    `since` (None for now), on record at `source`. `verified` is somebody else's word that the address is
    theirs.
    """

    customer_id: str
    channel: str
    address: str
    verified: bool
    opted_in: bool
    source: str
    since: datetime | None = None
    updated_at: datetime | None = None

    def checked(self, registry: Registry, now: datetime) -> Contact:
        """The contact with its channel resolved and its address in one form. Raises InvalidField,
        UnknownChannel, InvalidArgument (INVALID_ID).
        """
        ids.check_id(self.customer_id, "contact.customer_id")
        channel = registry.resolve(self.channel)
        if not self.source.strip():
            raise errors.InvalidField("contact.source", "must say where the customer's word is on record")
        ids.check_foreign_id(self.source, "contact.source")
        if self.since is not None and self.since > now:
            raise errors.InvalidField("contact.since", "is in the future")
        address = _address(self.address, registry.channel(channel).capability.user_ids)
        return replace(self, channel=channel, address=address)


def _address(text: str, user_ids: UserIds) -> str:
    ids.check_foreign_id(text, "contact.address")
    if user_ids not in _READERS:
        return text
    read, wanted = _READERS[user_ids]
    address = read(text)
    if address is None:
        raise errors.InvalidField("contact.address", f"must be {wanted}")
    return address.value
