"""Webhooks: where events may be posted, how posts are signed, and what follows from an answer."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from focal_turn_gateway import errors

_LONGEST_URL = 2048
_SECRET_CHARS = range(32, 257)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TOO_MANY_REQUESTS = 429

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    EXHAUSTED = "EXHAUSTED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription as its owner sees it, without its secrets."""

    webhook_id: str
    url: str
    patterns: tuple[str, ...]
    enabled: bool
    disabled_reason: str
    exhausted: int
    verified_at: datetime | None
    former_secret_until: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """What to change of a webhook; None leaves as it is."""

    url: str | None = None
    patterns: tuple[str, ...] | None = None
    secret: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to a webhook."""

    delivery_id: int
    webhook_id: str
    session_id: str
    offset: int
    name: str
    state: DeliveryState
    attempts: int
    status_code: int
    error: str
    next_attempt_at: datetime
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Post:
    """A request to a receiver: `body` is posted as it is, signed with each of `secrets`."""

    url: str
    secrets: tuple[str, ...]
    delivery_id: str
    event_id: str
    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this process attempts now; `post` is None when its event is past its retention."""

    delivery_id: int
    webhook_id: str
    tenant_id: str
    attempts: int
    post: Post | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said: `status_code` 0 and an `error` when it said nothing, `text` the beginning of its
    body.
    """

    status_code: int
    error: str = ""
    text: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the receiver has the event."""
        return 200 <= self.status_code < 300

    @property
    def final(self) -> bool:
        """Whether trying again cannot help: the receiver refuses the request as it is."""
        return 400 <= self.status_code < 500 and self.status_code != _TOO_MANY_REQUESTS

    @property
    def problem(self) -> str:
        """What was wrong, for a person; empty when nothing was."""
        return "" if self.accepted else self.error or f"the receiver answered {self.status_code}"


@dataclass(frozen=True, slots=True)
class Retries:
    """Pauses in seconds: `first_s`, doubling up to `longest_s`, `most` times."""

    most: int
    first_s: float
    longest_s: float

    def pause_s(self, attempts: int) -> float | None:
        """Seconds until the next attempt after so many; None when there is none."""
        return None if attempts > self.most else min(self.longest_s, self.first_s * 2.0 ** (attempts - 1))


def checked_url(url: str, *, allow_local: bool) -> str:
    """A URL that may be posted to, as far as it tells by itself: https, a host, no credentials, no address
    that is not public. `allow_local` permits http and any address. Raises InvalidField.
    """
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > _LONGEST_URL:
        raise errors.InvalidField("url", f"at most {_LONGEST_URL} printable ASCII characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise errors.InvalidField("url", "is not a URL") from None
    if parts.scheme != "https" and not (allow_local and parts.scheme == "http"):
        raise errors.InvalidField("url", "must begin with https://")
    if not host or "@" in parts.netloc or parts.fragment:
        raise errors.InvalidField("url", "needs a host, no credentials and no fragment")
    literal = address_of(host)
    if not allow_local and (host == "localhost" or (literal is not None and not is_public(literal))):
        raise errors.InvalidField("url", "must not lead to a private address")
    return url


def checked_secret(secret: str) -> str:
    """A key for signatures. Raises InvalidField; the text is not repeated anywhere."""
    if len(secret) not in _SECRET_CHARS or not secret.isascii() or not secret.isprintable():
        raise errors.InvalidField("secret", "32 to 256 printable ASCII characters")
    return secret


def address_of(text: str) -> Address | None:
    """The address that a text spells out; None for a name."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address belongs to the open internet, also when it wraps one of the older kind."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped:
            return is_public(wrapped)
    return address.is_global and not address.is_multicast and not address.is_reserved


def signature(secrets: Sequence[str], at_s: int, body: bytes) -> str:
    """The header `X-Focal-Signature`: the second `at_s` of signing and, for each secret, the HMAC-SHA256 of
    that second, a dot and the body.
    """
    signed = f"{at_s}.".encode() + body
    digests = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={at_s}", *(f"v1={digest}" for digest in digests)])
