"""Recorded messages, and the beats they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError


class Said(BaseModel, frozen=True):
    """One line of a recording; `at` is in seconds, from any moment on."""

    conversation: str
    author: str
    at: float = Field(allow_inf_nan=False)
    text: str


@dataclass(frozen=True, slots=True)
class Beat:
    """Consecutive messages of one author, nobody else between."""

    author: str
    messages: tuple[Said, ...]


class BadRecording(Exception):
    """A line that is no message; the text says which and why."""


def read(path: Path) -> list[Said]:
    """The messages of a file, one JSON object a line, each conversation in the order of its times.

    Raises BadRecording and OSError.
    """
    said = []
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                said.append(Said.model_validate_json(line))
            except ValidationError as error:
                raise BadRecording(f"{path}:{number}: {_first(error)}") from None
    return [one for _, group in groupby(said, lambda one: one.conversation) for one in _in_time(group)]


def beats(said: Iterable[Said], longest_gap_s: float) -> list[Beat]:
    """Messages of one author in one conversation, each at most `longest_gap_s` after the one before it."""
    groups: list[list[Said]] = []
    for one in said:
        last = groups[-1][-1] if groups else None
        if last is not None and _goes_on(last, one, longest_gap_s):
            groups[-1].append(one)
        else:
            groups.append([one])
    return [Beat(group[0].author, tuple(group)) for group in groups]


def gaps_s(all_beats: Sequence[Beat]) -> Iterator[float]:
    """The pauses within beats, in seconds."""
    for beat in all_beats:
        for earlier, later in zip(beat.messages, beat.messages[1:], strict=False):
            yield later.at - earlier.at


def _goes_on(last: Said, one: Said, longest_gap_s: float) -> bool:
    same = (last.conversation, last.author) == (one.conversation, one.author)
    return same and one.at - last.at <= longest_gap_s


def _in_time(group: Iterable[Said]) -> list[Said]:
    return sorted(group, key=lambda one: one.at)


def _first(error: ValidationError) -> str:
    detail = error.errors()[0]
    place = ".".join(map(str, detail["loc"])) or "line"
    return f"{place}: {detail['msg']}; expected conversation, author, at (seconds) and text"
