"""P6, first half: values of variables out of the customer's text, by patterns and synonyms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import regex

from focal_pipeline.core.runtime import Reader
from focal_pipeline.domain import values
from focal_pipeline.domain.bundle import Step, Variable
from focal_pipeline.domain.turn import Message
from focal_service_kit import logging

_log = logging.get("collecting")

MayTake = Callable[[Variable], bool]


def from_messages(
    readers: Iterable[Reader], messages: Iterable[Message], may_take: MayTake, timeout_s: float
) -> Mapping[str, Any]:
    """Every value that the texts state; of several the last one, because people correct themselves.

    A pattern that needs longer than `timeout_s` seconds for a text finds nothing in it: patterns are the
    tenant's, and one that backtracks without end must not hold up the others' turns.
    """
    newest_first = [message.text for message in messages][::-1]
    found = {}
    for reader in readers:
        if (reader.pattern or reader.synonyms) and may_take(reader.variable):
            stated = (value for text in newest_first if (value := _last(reader, text, timeout_s)) is not None)
            value = next(stated, None)
            if value is not None:
                found[reader.variable.name] = value
    return found


def unasked(variable: Variable) -> bool:
    """Whether a value may be taken from any text."""
    return not variable.only_when_asked


def asked_by(step: Step | None) -> MayTake:
    """Whether a value may be taken from the answer to what the step asks."""
    wanted = frozenset(step.collects if step else ())
    return lambda variable: variable.only_when_asked and variable.name in wanted


def _last(reader: Reader, text: str, timeout_s: float) -> Any | None:
    for match in reversed(_matches(reader.pattern, text, timeout_s)):
        value = values.accept(reader.variable, match[1] if match.re.groups else match[0])
        if value is not None:
            return value
    for match in reversed(_matches(reader.synonyms, text, timeout_s)):
        return reader.meanings[match[0].lower()]
    return None


def _matches(pattern: regex.Pattern[str] | None, text: str, timeout_s: float) -> list[regex.Match[str]]:
    if pattern is None:
        return []
    try:
        return [*pattern.finditer(text, timeout=timeout_s)]
    except TimeoutError:
        _log.warning("pattern takes too long", pattern=pattern.pattern, characters=len(text))
        return []
