"""A provider's own word for a refusal: letters and digits, never free text."""

from __future__ import annotations

import re
from typing import Any

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_LARGEST_CODE = 10**9


def word(found: Any) -> str:
    """A word in lower case; empty for everything else."""
    return found.lower() if isinstance(found, str) and _WORD.fullmatch(found) else ""


def declared(found: Any) -> str:
    """What a definition calls the reason: a word, or a whole number as `code_17`; empty for the rest."""
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < _LARGEST_CODE:
        return f"code_{found}"
    return word(found)


def usual(body: Any) -> str:
    """The word that a refusal's body has in a usual place; empty for none."""
    return next((said for said in map(word, _places(body)) if said), "")


def _places(found: Any) -> list[Any]:
    if not isinstance(found, dict):
        return []
    error = found.get("error")
    inner = [error.get("code"), error.get("reason")] if isinstance(error, dict) else [error]
    return [*inner, found.get("code"), found.get("reason")]
