"""Words for a name that leads nowhere."""

import difflib
from collections.abc import Iterable


def missing(kind: str, name: str, known: Iterable[str]) -> str:
    """Says that there is no such thing, and which one was probably meant."""
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"define it, or remove `{name}` here"
    return f"there is no {kind} `{name}`; {hint}"
