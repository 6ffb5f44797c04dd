"""JSON with one spelling per value, so that hashes are stable and money stays exact.

Keys are sorted by code point, there is no white space, text is not escaped beyond what JSON asks,
and equal numbers are written alike (`10`, `10.0` and `Decimal("1E+1")` all become `10`).
Reading gives `int` and `Decimal`, never a binary float.

Values nest at most DEEPEST levels: what is deeper exhausts the stack of whoever walks through it next.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from itertools import repeat
from json.encoder import encode_basestring as _quote
from typing import Any

PLAIN_DIGITS = 64
"""Longest run of digits written without an exponent; a longer one could be a gigabyte of zeros."""

DEEPEST = 100
"""Levels of lists and mappings inside one another; a flat list has one."""

_LARGEST_PLAIN = 10**PLAIN_DIGITS


class NotCanonical(ValueError):
    """The value has no canonical form: NaN, infinity, a key that is no text, an unknown type, too deep."""


class NotJson(ValueError):
    """The text is not JSON, or is JSON that different readers would read differently."""


def dumps(value: object) -> str:
    """The canonical text of None, bool, int, float, Decimal, str, lists, tuples and mappings.

    Raises NotCanonical for anything else, and for text that is not valid UTF-8.
    """
    try:
        text = _encode(value, DEEPEST)
        text.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(str(error)) from None
    return text


def loads(text: str) -> Any:
    """Parse JSON exactly: fractions as Decimal, duplicate keys and NaN refused (NotJson)."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_float=Decimal,
            parse_constant=_refuse_constant,
        )
        dumps(value)
    except (NotJson, json.JSONDecodeError, NotCanonical) as error:
        raise NotJson(str(error)) from None
    except RecursionError:
        raise NotJson(f"nested deeper than {DEEPEST} levels") from None
    except (ValueError, InvalidOperation):
        raise NotJson("a number has too many digits") from None
    return value


def _encode(value: object, levels: int) -> str:
    """`levels` may still begin below this one."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _quote(value)
        case Mapping():
            return _mapping(value, _deeper(levels))
        case list() | tuple():
            return f"[{','.join(map(_encode, value, repeat(_deeper(levels))))}]"
    return _number(value)


def _number(value: object) -> str:
    match value:
        case int():
            return _integer(value)
        case float() if math.isfinite(value):
            return _decimal(Decimal(repr(value)))
        case Decimal() if value.is_finite():
            return _decimal(value)
    raise NotCanonical(f"{value!r} has no canonical JSON form")


def _integer(value: int) -> str:
    if -_LARGEST_PLAIN < value < _LARGEST_PLAIN:
        return int.__repr__(value)
    return _decimal(Decimal(value))


def _deeper(levels: int) -> int:
    if not levels:
        raise NotCanonical(f"nested deeper than {DEEPEST} levels")
    return levels - 1


def _mapping(value: Mapping[Any, object], levels: int) -> str:
    if not all(isinstance(key, str) for key in value):
        raise NotCanonical("object keys must be text")
    members = (f"{_quote(key)}:{_encode(value[key], levels)}" for key in sorted(value))
    return f"{{{','.join(members)}}}"


def _decimal(value: Decimal) -> str:
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    figures = "".join(map(str, digits)).lstrip("0")
    stripped = figures.rstrip("0")
    if not stripped:
        return "0"
    exponent += len(figures) - len(stripped)
    minus = "-" if sign else ""
    return minus + _place_point(stripped, exponent)


def _place_point(figures: str, exponent: int) -> str:
    """Write figures times 10^exponent; `figures` neither starts nor ends with a zero."""
    point = len(figures) + exponent
    if exponent >= 0 and point <= PLAIN_DIGITS:
        return figures + "0" * exponent
    if exponent < 0 and point > -PLAIN_DIGITS:
        whole, fraction = figures[: max(point, 0)], figures[max(point, 0) :]
        return f"{whole or '0'}.{'0' * max(-point, 0)}{fraction}"
    tail = f".{figures[1:]}" if len(figures) > 1 else ""
    return f"{figures[0]}{tail}e{point - 1}"


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise NotJson(f"the key {key!r} appears twice in one object")
        result[key] = value
    return result


def _refuse_constant(name: str) -> None:
    raise NotJson(f"{name} is not a JSON number")
