"""`{variable}` places in templates and tool arguments: which there are, and filling them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from focal_kernel import canonical_json

_PLACE = re.compile(r"\{([a-z][a-z0-9_]{0,49})\}")


def names(value: object) -> frozenset[str]:
    """The variables that a text, or any text inside a JSON value, refers to."""
    match value:
        case str():
            return frozenset(_PLACE.findall(value))
        case Mapping():
            return frozenset().union(*map(names, value.values()))
        case list() | tuple():
            return frozenset().union(*map(names, value))
    return frozenset()


def render(text: str, variables: Mapping[str, Any]) -> str | None:
    """The text with every place filled, or None when a variable has no value."""
    if not names(text) <= variables.keys():
        return None
    return _PLACE.sub(lambda place: spoken(variables[place[1]]), text)


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """A JSON value with its places filled: a text that is one place becomes the variable's value,
    type kept. KeyError names a variable without value.
    """
    match value:
        case str():
            return _fill_text(value, variables)
        case Mapping():
            return {key: fill(item, variables) for key, item in value.items()}
        case list() | tuple():
            return [fill(item, variables) for item in value]
    return value


def spoken(value: Any) -> str:
    """A value as it stands in a sentence."""
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case list() | tuple():
            return ", ".join(map(spoken, value))
    return canonical_json.dumps(value)


def _fill_text(text: str, variables: Mapping[str, Any]) -> Any:
    whole = _PLACE.fullmatch(text)
    if whole:
        return variables[whole[1]]
    return _PLACE.sub(lambda place: spoken(variables[place[1]]), text)
