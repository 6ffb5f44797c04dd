"""P6, first half: values of variables out of the customer's text, by patterns and synonyms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from focal_pipeline.core.runtime import Reader
from focal_pipeline.domain import values
from focal_pipeline.domain.bundle import Step, Variable
from focal_pipeline.domain.turn import Message

MayTake = Callable[[Variable], bool]


def from_messages(
    readers: Iterable[Reader], messages: Iterable[Message], may_take: MayTake
) -> Mapping[str, Any]:
    """Every value that the texts state; of several the last one, because people correct themselves."""
    newest_first = [message.text for message in messages][::-1]
    found = {}
    for reader in readers:
        if (reader.pattern or reader.synonyms) and may_take(reader.variable):
            stated = (value for text in newest_first if (value := _last(reader, text)) is not None)
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


def _last(reader: Reader, text: str) -> Any | None:
    for match in reversed([*_matches(reader.pattern, text)]):
        value = values.accept(reader.variable, match[1] if match.re.groups else match[0])
        if value is not None:
            return value
    for match in reversed([*_matches(reader.synonyms, text)]):
        return reader.meanings[match[0].lower()]
    return None


def _matches(pattern: re.Pattern[str] | None, text: str) -> Iterable[re.Match[str]]:
    return pattern.finditer(text) if pattern else ()
