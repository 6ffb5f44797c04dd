"""Words for a name that leads nowhere."""

import difflib
import itertools
from collections.abc import Iterable

_COMPARED = 200
"""Comparing takes microseconds each, and there may be thousands of names and of mistakes."""


def missing(kind: str, name: str, known: Iterable[str]) -> str:
    """Says that there is no such thing, and which one was probably meant."""
    near = difflib.get_close_matches(name, itertools.islice(known, _COMPARED), n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"define it, or remove `{name}` here"
    return f"there is no {kind} `{name}`; {hint}"
