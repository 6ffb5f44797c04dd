"""How answers look: tables for people, JSON lines for machines."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import rich.console
import rich.table
from google.protobuf import json_format, message

SHORT = 60
ID_END = 6
FILE_WIDTH = 100_000


def console() -> rich.console.Console:
    """Standard output for people; it wraps nothing, so that ids can be copied.

    On a terminal a table is at most as wide as that. In a file or a pipe it is as wide as its cells, so that
    `grep` finds them whole; there the environment variable COLUMNS limits it, if it is set.
    """
    limited = sys.stdout.isatty() or "COLUMNS" in os.environ
    return rich.console.Console(highlight=False, soft_wrap=True, width=None if limited else FILE_WIDTH)


def as_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """One JSON document on one line, at once."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def plain(proto: message.Message) -> dict[str, Any]:
    """A protobuf message as JSON values, with the names of the contract."""
    return json_format.MessageToDict(proto, preserving_proto_field_name=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people. The first column never breaks over lines: it is what one copies."""
    drawn = rich.table.Table(title=title, title_justify="left", show_edge=False)
    for number, column in enumerate(columns):
        drawn.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        drawn.add_row(*(str(cell) for cell in row))
    console().print(drawn)


def short_id(text: str) -> str:
    """The kind and the end of an id that is shown but not copied; the ends differ, the middles do not."""
    kind, separator, rest = text.partition("_")
    return f"{kind}_…{rest[-ID_END:]}" if separator and len(rest) > ID_END else text


def short(text: str) -> str:
    """One line of a text, cut where a table would break."""
    line = " ".join(text.split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"


def enum_name(kind: Any, number: int) -> str:
    """An enum value for people: TURN_STATUS_COMPLETE of TurnStatus is `complete`."""
    names: list[str] = kind.keys()
    prefix = names[0].removesuffix("UNSPECIFIED")
    return str(kind.Name(number)).removeprefix(prefix).lower()
