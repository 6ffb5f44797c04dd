"""What the message router hands over: the envelope of one customer message, and what makes it poison.

An entry of a routed stream holds the field `envelope` (JSON, DOMAIN §11.2) and the headers `schema_version`,
`tenant_id` and `traceparent` as fields beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from focal_kernel import errors as kernel_errors
from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.messages import OWN_METADATA, TRACEPARENT, Address, Content, Submission

SCHEMA_VERSION = "1.0"
_READABLE_VERSION = re.compile(r"1(\.\d{1,6})?")
"""Versions only add within a major one, so every 1.x can be read."""
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
ROUTER_TIMESTAMP = OWN_METADATA + "router_timestamp"
_MAX_TIMESTAMP_CHARS = 64
TEXT = "text"


@dataclass(frozen=True, slots=True)
class Route:
    """A tenant's channel as the router names it; both parts are ids of ours, so a dot separates them."""

    tenant_id: str
    channel: str

    @classmethod
    def parsed(cls, name: str) -> Route | None:
        """The route in `{tenant}.{channel}`; None when that is no pair of ids."""
        tenant_id, _, channel = name.partition(".")
        try:
            return cls(ids.check_id(tenant_id, "tenant_id"), ids.check_id(channel, "channel"))
        except kernel_errors.InvalidArgument:
            return None

    def __str__(self) -> str:
        return f"{self.tenant_id}.{self.channel}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream; `fields` is empty when the router trimmed it before it was read.

    `origin` is the id that the entry had at first: it stays when a dead letter is put back.
    """

    entry_id: str
    fields: Mapping[bytes, bytes]

    @property
    def origin(self) -> str:
        """The entry's first id."""
        return self.header("origin") or self.entry_id

    @property
    def traceparent(self) -> str:
        """The W3C trace of the router's work; empty when there is none, or none that can be read."""
        found = self.header("traceparent")
        return found if _TRACEPARENT.fullmatch(found) else ""

    def header(self, name: str) -> str:
        """A header's text, empty when it is missing."""
        return self.fields.get(name.encode(), b"").decode(errors="replace")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that was taken off its stream; `entry_id` is its place among the dead letters of `channel`."""

    channel: str
    entry_id: str
    reason: str
    detail: str
    origin: str
    envelope: str
    buried_at: datetime

    @property
    def dead_letter_id(self) -> str:
        """An id of ours; the entry's id behind the channel."""
        return f"{self.channel}_{self.entry_id}"


def submission(
    route: Route, entry: Entry, registry: Registry, *, max_chars: int, max_bytes: int
) -> Submission:
    """The message of an entry. Raises Poison with what is wrong with it.

    The request id comes from the provider's message id, under the channel, agent and customer it belongs to:
    providers count per chat, and two channels may use the same ids. Without one it is the entry's own id.
    """
    try:
        return _submission(route, entry, registry, max_chars, max_bytes)
    except kernel_errors.FocalError as refused:
        raise errors.Poison(refused.reason, refused.message) from refused


def _submission(route: Route, entry: Entry, registry: Registry, max_chars: int, max_bytes: int) -> Submission:
    envelope = _envelope(entry, max_bytes)
    _of_tenant(route, entry, envelope)
    address = Address.checked(
        _text(envelope, "agent_id"),
        _text(envelope, "channel"),
        _text(envelope, "user_channel_id"),
        registry,
    )
    if address.channel != registry.resolve(route.channel):
        raise errors.Poison("INVALID_FIELD", f"channel {address.channel} came on the stream of {route}")
    message = _object(envelope, "message")
    kind = _text(message, "content_type", TEXT)
    if kind != TEXT:
        raise errors.Poison("UNSUPPORTED_CONTENT_TYPE", f"content type {kind[:64]!r} cannot be answered yet")
    provider_id = _text(message, "id", "")
    content = Content.checked(
        _text(message, "text"), _metadata(envelope), provider_id, max_chars=max_chars
    ).with_own(_own_metadata(entry, envelope))
    name = (provider_id,) if provider_id else ("entry", entry.origin)
    request_id = "rtd_" + ids.digest(address.channel, address.agent_id, address.channel_user_id, *name)
    return Submission.checked(
        route.tenant_id, address, content, request_id, address_verified=_flag(envelope, "address_verified")
    )


def _envelope(entry: Entry, max_bytes: int) -> dict[str, Any]:
    version = entry.header("schema_version")
    if not _READABLE_VERSION.fullmatch(version):
        raise errors.Poison(
            "UNKNOWN_SCHEMA_VERSION", f"schema_version {version[:64]!r} is not one of 1, 1.0 … 1.x"
        )
    raw = entry.fields.get(b"envelope", b"")
    if len(raw) > max_bytes:
        raise errors.Poison(
            "PAYLOAD_TOO_LARGE", f"the envelope has {len(raw)} bytes, {max_bytes} are allowed"
        )
    try:
        envelope = json.loads(raw)
        # A lone surrogate is legal in JSON and in nothing that comes after.
        json.dumps(envelope, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise errors.Poison("UNREADABLE_ENVELOPE", f"no JSON in UTF-8: {type(error).__name__}") from None
    if not isinstance(envelope, dict):
        raise errors.Poison("UNREADABLE_ENVELOPE", "the envelope is no JSON object")
    return envelope


def _of_tenant(route: Route, entry: Entry, envelope: Mapping[str, Any]) -> None:
    named = {_text(envelope, "tenant_id"), entry.header("tenant_id") or route.tenant_id}
    if named != {route.tenant_id}:
        raise errors.Poison("TENANT_MISMATCH", f"the entry names another tenant than the stream of {route}")


def _text(of: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = of.get(name, default)
    if not isinstance(value, str):
        raise errors.InvalidField(name, "must be a string" if name in of else "is missing")
    return value


def _flag(of: Mapping[str, Any], name: str) -> bool:
    value = of.get(name, False)
    if not isinstance(value, bool):
        raise errors.InvalidField(name, "must be true or false")
    return value


def _object(of: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = of.get(name)
    if not isinstance(value, dict):
        raise errors.InvalidField(name, "must be an object" if name in of else "is missing")
    return value


def _metadata(envelope: Mapping[str, Any]) -> dict[str, str]:
    found = envelope.get("metadata") or {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise errors.InvalidField("metadata", "must be an object of strings")
    return found


def _own_metadata(entry: Entry, envelope: Mapping[str, Any]) -> dict[str, str]:
    """Kept with the message and used for nothing but traces: clocks of two machines are not compared."""
    stamp = envelope.get("timestamp")
    kept = str(stamp) if isinstance(stamp, str | int | float) else ""
    own = {TRACEPARENT: entry.traceparent, ROUTER_TIMESTAMP: kept[:_MAX_TIMESTAMP_CHARS].replace("\x00", "")}
    return {name: value for name, value in own.items() if value}
