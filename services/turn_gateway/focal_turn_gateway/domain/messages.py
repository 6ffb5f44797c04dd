"""What a customer wrote: the value, its limits, and the hash that tells a repeat from a reused request id."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from focal_kernel import canonical_json, ids
from focal_turn_gateway import errors
from focal_turn_gateway.domain.personal_addresses import PersonalAddress
from focal_turn_gateway.domain.rates import Allowance

if TYPE_CHECKING:
    # Policies name what becomes of a turn, turns hold messages: at run time only this way round.
    from focal_turn_gateway.domain.channels import Registry

MAX_METADATA_ENTRIES = 32
MAX_METADATA_BYTES = 256
OWN_METADATA = "focal."
"""Prefix of metadata that is about the message's way here and no part of what was written."""
TRACEPARENT = OWN_METADATA + "traceparent"
"""W3C trace that the message came with; the turn that answers it goes on in it."""
# Joiners and marks are visible only together with a base character; separators and format characters never
# are. Unassigned characters count as visible: to this Python's tables, next year's emoji is unassigned.
_INVISIBLE_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"})
# Letters and symbols by category, blank on the screen: Hangul fillers and the empty Braille pattern.
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


class Disposition(StrEnum):
    """What became of a message."""

    PENDING = "UNSPECIFIED"
    JOINED = "JOINED"
    ABSORBED = "ABSORBED"
    QUEUED = "QUEUED"
    SUPERSEDING = "SUPERSEDING"


@dataclass(frozen=True, slots=True)
class Address:
    """Who speaks to whom: `channel_user_id` is the customer's id on `channel`, any text of at most 256
    bytes.
    """

    agent_id: str
    channel: str
    channel_user_id: str

    @classmethod
    def checked(cls, agent_id: str, channel: str, channel_user_id: str, registry: Registry) -> Address:
        """The address with its channel resolved. Raises InvalidArgument (INVALID_ID) and UnknownChannel."""
        return cls(
            ids.check_id(agent_id, "address.agent_id"),
            registry.resolve(channel),
            ids.check_foreign_id(channel_user_id, "address.channel_user_id"),
        )


@dataclass(frozen=True, slots=True)
class Content:
    """What was written."""

    text: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    provider_message_id: str = ""

    @classmethod
    def checked(
        cls, text: str, metadata: Mapping[str, str], provider_message_id: str, *, max_chars: int
    ) -> Content:
        """The content within its limits. Raises EmptyText, TextTooLong, InvalidField, InvalidArgument
        (INVALID_ID).
        """
        if len(text) > max_chars:
            raise errors.TextTooLong(len(text), max_chars)
        if "\x00" in text:
            raise errors.InvalidField("content.text", "holds a NUL character")
        if not any(map(_visible, text)):
            raise errors.EmptyText
        if provider_message_id:
            ids.check_foreign_id(provider_message_id, "content.provider_message_id")
        return cls(text, _checked_metadata(metadata), provider_message_id)

    def with_own(self, metadata: Mapping[str, str]) -> Content:
        """The content with metadata under `OWN_METADATA` added."""
        return replace(self, metadata={**self.metadata, **metadata})


@dataclass(frozen=True, slots=True)
class Submission:
    """A message on its way into the store; `tier` is what its caller's token says of the tenant's limits.

    `address_verified`: the caller vouches that the customer owns the address that `channel_user_id` is.
    `owned` is the verified address by which other channels may know the customer, None without one.
    """

    tenant_id: str
    address: Address
    content: Content
    request_id: str
    tier: str = ""
    address_verified: bool = False
    owned: PersonalAddress | None = None

    @classmethod
    def checked(
        cls,
        tenant_id: str,
        address: Address,
        content: Content,
        request_id: str,
        tier: str = "",
        *,
        address_verified: bool = False,
    ) -> Submission:
        """The submission with its request id within limits. Raises InvalidArgument (INVALID_ID)."""
        if request_id:
            ids.check_foreign_id(request_id, "request_id")
        return cls(tenant_id, address, content, request_id, tier, address_verified)

    @property
    def content_hash(self) -> str:
        """Equal for two submissions exactly when a repeat of one may be answered with the other's message."""
        return ids.digest(
            self.address.agent_id,
            self.address.channel,
            self.address.channel_user_id,
            self.content.text,
            canonical_json.dumps(_written(self.content.metadata)),
            self.content.provider_message_id,
        )

    @property
    def channel_user_hash(self) -> str:
        """The customer's id on the channel in the form that enters keys."""
        return ids.digest(self.address.channel, self.address.channel_user_id)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that is durable; `allowance` is what its tenant's window leaves, where it was counted."""

    message_id: str
    session_id: str
    sequence: int
    received_at: datetime
    duplicate: bool
    event_offset: int
    allowance: Allowance | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message."""

    message_id: str
    session_id: str
    sequence: int
    text: str
    received_at: datetime
    request_id: str = ""
    turn_id: str = ""
    disposition: Disposition = Disposition.PENDING
    metadata: Mapping[str, str] = field(default_factory=dict)
    provider_message_id: str = ""


def traceparent(messages: Sequence[Message]) -> str:
    """The trace that the latest of the messages came with; empty when it came with none."""
    return messages[-1].metadata.get(TRACEPARENT, "") if messages else ""


def _written(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in metadata.items() if not name.startswith(OWN_METADATA)}


def _visible(char: str) -> bool:
    return char not in _BLANKS and unicodedata.category(char) not in _INVISIBLE_CATEGORIES


def _checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    if len(metadata) > MAX_METADATA_ENTRIES:
        raise errors.InvalidField("content.metadata", f"at most {MAX_METADATA_ENTRIES} entries")
    for key, value in metadata.items():
        if not key or "\x00" in key + value or len((key + value).encode()) > MAX_METADATA_BYTES:
            raise errors.InvalidField(
                "content.metadata", f"entries of 1 to {MAX_METADATA_BYTES} bytes without NUL"
            )
    return dict(metadata)
