"""What an unquoted YAML word means: the core schema of YAML 1.2.

Only `true`, `false`, `null`, `~` and numbers are special. `yes`, `no`, `on` and `off` stay text, as
everyone who lists them as words of a customer expects.
"""

import re
from decimal import Decimal
from typing import Any

_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,64}")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]{1,64}|[0-9]{1,64}(\.[0-9]{0,64})?)([eE][-+]?[0-9]{1,3})?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")


def resolve(word: str) -> Any:
    """None, bool, int, Decimal or the word itself. `007` stays text: it is a code, not a number."""
    if word in _WORDS:
        return _WORDS[word]
    if _LEADING_ZERO.fullmatch(word):
        return word
    if _INTEGER.fullmatch(word):
        return int(word)
    if _DECIMAL.fullmatch(word):
        return Decimal(word)
    return word
