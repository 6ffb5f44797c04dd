"""What a text costs as SMS: units of the GSM 03.38 alphabet, or of UCS-2 when one character is not in it."""

from __future__ import annotations

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Behind an escape, so two units each.
_EXTENDED = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Alphabet:
    """Units that fit one short message, and each of several: 6 octets then say which is which (3GPP TS
    23.040).
    """

    single: int
    concatenated: int


GSM_7 = Alphabet(160, 153)
UCS_2 = Alphabet(70, 67)


def alphabet(text: str) -> Alphabet:
    """The alphabet that all parts of a text are sent in."""
    return GSM_7 if _BASIC.issuperset(set(text) - _EXTENDED) else UCS_2


def units(text: str, of: Alphabet) -> int:
    """What a text costs in an alphabet that has its characters."""
    if of is UCS_2:
        return len(text) + sum(char > "\uffff" for char in text)
    return len(text) + sum(char in _EXTENDED for char in text)
