"""Conditions over a call's arguments: JMESPath, checked when it is written, judged when a call is made."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import jmespath
from jmespath import exceptions, functions

LONGEST = 1000
"""Characters of a condition; nobody reads a longer one."""

_KNOWN = functions.Functions.FUNCTION_TABLE


class BadCondition(ValueError):
    """The text is no condition; it says why."""


class NotJudged(Exception):
    """The arguments are not what the condition needs, such as a missing one in a function's place."""


class Condition:
    """One that compiles and names only functions there are; BadCondition otherwise."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise BadCondition(f"must be at most {LONGEST} characters")
        try:
            self._compiled = jmespath.compile(text)
            _check(self._compiled.parsed)
        except exceptions.JMESPathError as error:
            raise BadCondition(_one_line(error)) from None
        except RecursionError:
            raise BadCondition("is nested too deeply") from None

    def holds(self, arguments: Mapping[str, Any]) -> bool:
        """Whether its value is truthy as JMESPath has it: all but null, false and what is empty.

        A missing argument counts as null. Raises NotJudged.
        """
        try:
            found = self._compiled.search(_plain(arguments))
        except (exceptions.JMESPathError, TypeError, ValueError, ArithmeticError) as error:
            raise NotJudged(_one_line(error)) from None  # comparing text with a number is a TypeError there
        return not (found is None or found is False or found in ("", [], {}))


def _check(node: Mapping[str, Any]) -> None:
    """The library finds unknown functions and wrong numbers of arguments only when it gets there."""
    if node["type"] == "function_expression":
        if node["value"] not in _KNOWN:
            raise BadCondition(f"there is no function {node['value']}()")
        signature = _KNOWN[node["value"]]["signature"]
        given, wanted = len(node["children"]), len(signature)
        variadic = bool(signature) and signature[-1].get("variadic", False)
        if given < wanted or (given > wanted and not variadic):
            raise BadCondition(f"{node['value']}() takes {wanted} arguments, not {given}")
    for child in node["children"]:
        if isinstance(child, dict):
            _check(child)


def _plain(value: Any) -> Any:
    """Fractions as the binary ones that JMESPath's literals are: 100.1 must equal `100.1`."""
    match value:
        case Decimal():
            return float(value)
        case Mapping():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return value


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
