"""Reads one YAML file into nodes with positions, without trusting it.

Built from the parser's flat events, so a deep or self-referring file cannot exhaust the stack, and
an alias counts as often as it is used, so a "billion laughs" file is refused early.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from focal_config_watcher.core.authoring import scalars
from focal_config_watcher.core.authoring.nodes import Mapping, Node, Place, Scalar, Sequence
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits, SourceFile

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where it is built
_PLAIN_CONTROLS = "\n\t"


def read(file: SourceFile, limits: Limits) -> tuple[Node | None, list[Problem]]:
    """The file's only document, None when it is empty or cannot be read, and what is wrong."""
    reader = _Reader(file.path, limits)
    try:
        reader.read(yaml.parse(file.content, Loader=_LOADER))
    except yaml.YAMLError as error:
        reader.problems.append(_syntax_problem(file.path, error))
        return None, reader.problems
    except _Unreadable:
        return None, reader.problems
    return reader.document, reader.problems


class _Unreadable(Exception):
    """Reading on makes no sense; the problem is noted."""


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being filled."""

    node: Sequence | Mapping
    key: str | None = None
    key_place: Place | None = None


@dataclass(slots=True)
class _Reader:
    path: str
    limits: Limits
    document: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)
    _anchors: dict[str, Node] = field(default_factory=dict)
    _documents: int = 0
    _nodes: int = 0

    def read(self, events: Iterator[Any]) -> None:
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    self._count_document(event)
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.SequenceStartEvent():
                    self._begin(event, Sequence(_place(event)))
                case yaml.MappingStartEvent():
                    self._begin(event, Mapping(_place(event)))
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._end()
                case yaml.AliasEvent():
                    self._alias(event)

    def _count_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._stop(_place(event), "SEVERAL_DOCUMENTS", "remove the `---`: one file holds one document")

    def _scalar(self, event: Any) -> None:
        place = _place(event)
        self._check_tag(event, place)
        self._check_text(event.value, place)
        if self._expects_key():
            self._key(event.value, place)
            return
        plain = event.implicit[0] and event.style in (None, "")
        node = Scalar(place, scalars.resolve(event.value) if plain else event.value)
        self._remember(event, node)
        self._add(node)

    def _begin(self, event: Any, node: Sequence | Mapping) -> None:
        self._check_tag(event, node.place)
        if self._expects_key():
            self._stop(
                node.place,
                "BAD_KEY",
                "a key must be plain text; put it in quotes if it starts with { or [",
            )
        if len(self._open) >= self.limits.depth:
            self._stop(node.place, "TOO_DEEP", f"nest at most {self.limits.depth} levels")
        self._remember(event, node)
        self._open.append(_Open(node))

    def _end(self) -> None:
        node = self._open.pop().node
        children = node.items if isinstance(node, Sequence) else node.entries.values()
        node.size = 1 + sum(child.size for child in children)
        self._add(node, counted=node.size - 1)

    def _alias(self, event: Any) -> None:
        place = _place(event)
        node = self._anchors.get(event.anchor)
        if self._expects_key():
            self._stop(place, "BAD_KEY", "write the key out instead of using an alias")
        if node is None:
            self._stop(place, "UNKNOWN_ALIAS", f"`*{event.anchor}` has no `&{event.anchor}` before it")
        if any(node is opened.node for opened in self._open):
            self._stop(place, "ENDLESS_ALIAS", f"`*{event.anchor}` contains itself; write it out")
        self._add(node)

    def _add(self, node: Node, counted: int = 0) -> None:
        """Put a finished node where it belongs; `counted` of its values were counted before."""
        self._nodes += node.size - counted
        if self._nodes > self.limits.nodes:
            self._stop(node.place, "TOO_MANY_VALUES", f"one file holds at most {self.limits.nodes} values")
        if not self._open:
            self.document = node
            return
        parent = self._open[-1]
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        else:
            self._add_entry(parent, parent.node, node)

    def _add_entry(self, parent: _Open, mapping: Mapping, node: Node) -> None:
        key, place = parent.key, parent.key_place
        parent.key = parent.key_place = None
        assert key is not None
        assert place is not None
        if key in mapping.entries:
            first = mapping.key_places[key].line
            self._problem(
                place,
                "DUPLICATE_KEY",
                f"`{key}` is already defined in line {first}; keep one of them",
            )
            return
        mapping.entries[key] = node
        mapping.key_places[key] = place

    def _expects_key(self) -> bool:
        if not self._open:
            return False
        parent = self._open[-1]
        return isinstance(parent.node, Mapping) and parent.key is None

    def _key(self, key: str, place: Place) -> None:
        self._open[-1].key, self._open[-1].key_place = key, place

    def _remember(self, event: Any, node: Node) -> None:
        if event.anchor:
            self._anchors[event.anchor] = node

    def _check_tag(self, event: Any, place: Place) -> None:
        if event.tag not in (None, "!"):
            self._problem(place, "TAG", "tags such as `!!str` have no meaning here; remove it")

    def _check_text(self, text: str, place: Place) -> None:
        if len(text) > self.limits.text_chars:
            self._problem(place, "TEXT_TOO_LONG", f"shorten the text to {self.limits.text_chars} characters")
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            self._problem(place, "INVALID_TEXT", "the text is not valid UTF-8; write the character itself")
        elif not text.isprintable() and any(_is_control(char) for char in text):
            self._problem(place, "INVALID_TEXT", "remove the control characters from the text")

    def _problem(self, place: Place, reason: str, message: str) -> None:
        self.problems.append(Problem(self.path, place.line, place.column, reason, message))

    def _stop(self, place: Place, reason: str, message: str) -> NoReturn:
        self._problem(place, reason, message)
        raise _Unreadable


def _is_control(char: str) -> bool:
    return char not in _PLAIN_CONTROLS and unicodedata.category(char) == "Cc"


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _syntax_problem(path: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or "it holds characters that YAML does not allow"
    context = getattr(error, "context", None)
    message = f"this is not YAML: {what}" + (f" ({context})" if context else "")
    if "\t" in what or "character '\\t'" in what:
        message += "; indent with spaces"
    if mark is None:
        return Problem(path, 0, 0, "SYNTAX", message)
    return Problem(path, mark.line + 1, mark.column + 1, "SYNTAX", message)
