"""YAML values that remember where they were written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file; line and column count from 1, in characters."""

    line: int
    column: int


@dataclass(slots=True)
class Scalar:
    """A single value: None, bool, int, Decimal or str."""

    place: Place
    value: Any
    size: int = 1


@dataclass(slots=True)
class Sequence:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)
    size: int = 1


@dataclass(slots=True)
class Mapping:
    """Values by text key; `key_places` tells where each key stands."""

    place: Place
    entries: dict[str, Node] = field(default_factory=dict)
    key_places: dict[str, Place] = field(default_factory=dict)
    size: int = 1


Node = Scalar | Sequence | Mapping
"""`size` counts the values inside, aliases expanded, the node itself included."""


def plain(node: Node) -> Any:
    """The value without positions."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(value) for key, value in node.entries.items()}


def written(value: Any) -> Node:
    """A value that stands in no file, as a node; its place is line 0."""
    nowhere = Place(0, 0)
    match value:
        case dict():
            entries = {str(key): written(part) for key, part in value.items()}
            size = 1 + sum(part.size for part in entries.values())
            return Mapping(nowhere, entries, dict.fromkeys(entries, nowhere), size)
        case list():
            items = [written(part) for part in value]
            return Sequence(nowhere, items, 1 + sum(part.size for part in items))
    return Scalar(nowhere, value)


def place(node: Node, path: Iterable[str | int]) -> Place:
    """Where the value at `path` stands; parts of the path that are not there are skipped."""
    found = node
    for part in path:
        found = _child(found, part) or found
    return found.place


def key_place(node: Node, path: Iterable[str | int]) -> Place:
    """Where the key at the end of `path` stands; the value's place when it has no key."""
    *parents, last = path
    found = node
    for part in parents:
        found = _child(found, part) or found
    if isinstance(found, Mapping) and last in found.key_places:
        return found.key_places[str(last)]
    return place(found, [last])


def _child(node: Node, part: str | int) -> Node | None:
    match node:
        case Mapping():
            return node.entries.get(str(part))
        case Sequence() if isinstance(part, int) and part < len(node.items):
            return node.items[part]
    return None
