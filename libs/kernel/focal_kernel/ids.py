"""Ids that Focal issues, checks on ids that others issue, and stable digests of several parts.

Our ids match `^[A-Za-z0-9_-]{1,64}$`, so keys joined by `:` are unambiguous and cannot be injected.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import unicodedata

from focal_kernel import errors

MAX_FOREIGN_ID_BYTES = 256
DIGEST_HEX_CHARS = 32

_OWN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_CHARS = 10
_RANDOM_CHARS = 16


def new_id(prefix: str) -> str:
    """A new id such as `ses_01JD…`: a ULID behind the prefix, so ids sort by their millisecond."""
    millis = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10))
    return f"{prefix}_{_base32(millis, _TIME_CHARS)}{_base32(noise, _RANDOM_CHARS)}"


def check_id(value: str, field: str) -> str:
    """Return `value` when it is an id of ours, else raise InvalidArgument with reason INVALID_ID."""
    if _OWN_ID.fullmatch(value):
        return value
    raise _invalid(field, "must be 1 to 64 characters out of A-Z, a-z, 0-9, '_' and '-'")


def check_foreign_id(value: str, field: str) -> str:
    """Return `value` when it may name something of the outside world (a phone number, an e-mail).

    That is any text of 1 to 256 UTF-8 bytes without control characters; else InvalidArgument with
    reason INVALID_ID.
    """
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise _invalid(field, "must be valid UTF-8") from None
    if not 0 < size <= MAX_FOREIGN_ID_BYTES:
        raise _invalid(field, f"must be 1 to {MAX_FOREIGN_ID_BYTES} bytes of UTF-8")
    if any(unicodedata.category(char) == "Cc" for char in value):
        raise _invalid(field, "must not contain control characters")
    return value


def digest(*parts: str) -> str:
    """32 hex characters of SHA-256 over the parts, each with its length in front.

    The lengths keep `("a", "bc")` and `("ab", "c")` apart whatever the parts contain.
    """
    hasher = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        hasher.update(len(encoded).to_bytes(8))
        hasher.update(encoded)
    return hasher.hexdigest()[:DIGEST_HEX_CHARS]


def _base32(number: int, width: int) -> str:
    return "".join(_CROCKFORD[number >> 5 * place & 31] for place in reversed(range(width)))


def _invalid(field: str, description: str) -> errors.InvalidArgument:
    return errors.InvalidArgument(
        "INVALID_ID",
        f"{field} {description}",
        violations=[errors.FieldViolation(field, description)],
    )
