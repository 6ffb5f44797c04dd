"""Fills `${VARIABLE}` and `{argument}` into a request's templates, in one pass.

Values are never expanded again, so an argument cannot smuggle in a variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from focal_kernel import canonical_json
from focal_toolbox import errors

_PLACE = re.compile(r"\$\{(?P<variable>[A-Za-z0-9_]+)\}|\{(?P<argument>[A-Za-z_][A-Za-z0-9_]*)\}")
_WHOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LEFT_OUT = object()


@dataclass(frozen=True, slots=True)
class Filling:
    """What templates are filled with. Variables (and secrets) are named in upper case."""

    arguments: Mapping[str, Any]
    variables: Mapping[str, str]

    def url(self, template: str) -> str:
        """A URL in which each argument is one piece of text, whatever characters it holds."""
        return self._text(template, _escaped)

    def header(self, template: str) -> str:
        """A header value; Refusal when an argument would break out of it."""
        value = self._text(template, str)
        if not (value.isascii() and value.isprintable()):
            raise _bad_argument("a value is not allowed in a header")
        return value

    def variables_only(self, template: str) -> str:
        """The text of a template in which arguments have no place."""
        return self._text(template, str)

    def query(self, templates: Mapping[str, str]) -> dict[str, str]:
        """Query parameters; one whose value is a single absent argument is left out."""
        filled = ((name, self._value(template)) for name, template in templates.items())
        return {name: _plain(value) for name, value in filled if value is not _LEFT_OUT}

    def body(self, template: object) -> object:
        """A JSON body; `"{argument}"` alone stands for the argument's own JSON value, and what is
        absent is left out."""
        filled = self._part(template)
        return None if filled is _LEFT_OUT else filled

    def _part(self, template: object) -> object:
        match template:
            case str():
                return self._value(template)
            case list():
                return [value for value in map(self._part, template) if value is not _LEFT_OUT]
            case dict():
                filled = {name: self._part(part) for name, part in template.items()}
                return {name: value for name, value in filled.items() if value is not _LEFT_OUT}
        return template

    def _value(self, template: str) -> object:
        if whole := _WHOLE.fullmatch(template):
            value = self.arguments.get(whole[1])
            return _LEFT_OUT if value is None else value
        return self._text(template, str)

    def _text(self, template: str, escape: Callable[[str], str]) -> str:
        def fill(place: re.Match[str]) -> str:
            if name := place["variable"]:
                return self._variable(name)
            return escape(self._argument(place["argument"]))

        return _PLACE.sub(fill, template)

    def _variable(self, name: str) -> str:
        value = self.variables.get(name.upper())
        if value is None:
            raise errors.Refusal(
                "PROVIDER_NOT_CONFIGURED",
                f"the toolbox has no {name}: neither the setting variables.{name} nor a secret's file",
            )
        return value

    def _argument(self, name: str) -> str:
        value = self.arguments.get(name)
        if value is None:
            raise _bad_argument(f"the request needs the argument {name!r}")
        return _plain(value)


def names(template: str) -> frozenset[str]:
    """The arguments that a template uses."""
    return frozenset(found["argument"] for found in _PLACE.finditer(template) if found["argument"])


def before_arguments(template: str) -> str:
    """The part of a template that no argument can touch: what is before the first one."""
    first = next((found for found in _PLACE.finditer(template) if found["argument"]), None)
    return template[: first.start()] if first else template


def variables(template: str) -> frozenset[str]:
    """The variables that a template uses, in upper case."""
    return frozenset(found["variable"].upper() for found in _PLACE.finditer(template) if found["variable"])


def _plain(value: object) -> str:
    return value if isinstance(value, str) else canonical_json.dumps(value)


def _escaped(text: str) -> str:
    """Percent-encoded; what a server would read as another path is refused."""
    if text in {"", ".", ".."}:
        raise _bad_argument("an argument in the URL must not be empty, '.' or '..'")
    return quote(text, safe="")


def _bad_argument(message: str) -> errors.Refusal:
    return errors.Refusal("INVALID_TOOL_ARGUMENTS", message)
