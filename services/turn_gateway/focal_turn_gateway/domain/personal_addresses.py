"""Addresses that belong to one person on every channel: phone numbers and e-mail addresses, in one form each.

A form is only ever tidied, never completed: a number without its country code, or with an extension, is no
number here, because a wrong guess would give one customer the conversations of another.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

# ITU-T E.164: up to 15 digits, of which the first, a country code's, is not 0. No number in use has fewer
# than 7.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL_MAX_BYTES = 254
_LOCAL_PART_MAX_BYTES = 64
"""RFC 5321 §4.5.3.1; 254 is what its path of 256 leaves without the angle brackets."""


class Kind(StrEnum):
    """What sort of address it is."""

    PHONE = "phone"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class PersonalAddress:
    """A phone number in E.164, or an e-mail address in lower case and NFC."""

    kind: Kind
    value: str

    @property
    def key(self) -> str:
        """The address among all others."""
        return f"{self.kind}:{self.value}"


def read(text: str) -> PersonalAddress | None:
    """The address that a text is, None when it is neither sort."""
    return phone(text) or email(text)


def phone(text: str) -> PersonalAddress | None:
    """A number in E.164 as it stands, `+` and digits; anything else is None."""
    return PersonalAddress(Kind.PHONE, text) if _E164.fullmatch(text) else None


def email(text: str) -> PersonalAddress | None:
    """An address in lower case and NFC. Tags (`ada+shop@…`) and dots stay: only its provider knows whether
    they mean the same mailbox.
    """
    value = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    local, at, domain = value.rpartition("@")
    if not at or not local or not domain or "@" in local or "." in (domain[0], domain[-1]):
        return None
    if not all(map(_is_spelt, value)):
        return None
    if len(local.encode()) > _LOCAL_PART_MAX_BYTES or len(value.encode()) > _EMAIL_MAX_BYTES:
        return None
    return PersonalAddress(Kind.EMAIL, value)


def _is_spelt(char: str) -> bool:
    """No spaces, control or format characters, and nothing that sets a name or a comment off."""
    return unicodedata.category(char)[0] not in "ZC" and char not in '<>()[],;:\\"'
