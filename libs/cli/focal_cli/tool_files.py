"""Tool definitions as the YAML of a `tools.yaml`, with comments for whoever reviews them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

WIDTH = 100

_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
"""What YAML 1.2 reads as a number."""


@dataclass(frozen=True)
class Definition:
    """One tool: the keys of the authoring format, and remarks that stand above it."""

    name: str
    keys: Mapping[str, Any]
    remarks: Sequence[str] = ()


def rendered(head: Iterable[str], definitions: Iterable[Definition]) -> str:
    """A file with remarks at its head and above each tool."""
    tools = [_comments(tool.remarks) + dumped({tool.name: tool.keys}) for tool in definitions]
    return "\n".join(part for part in (_comments(head), *tools) if part)


def dumped(definitions: Mapping[str, Any]) -> str:
    """Definitions by name; text that YAML 1.1 or 1.2 would read as something else is quoted."""
    plain = _plain(definitions)
    text: str = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


class _Dumper(yaml.SafeDumper):
    """The library writes YAML 1.1, in which `1e3` is a word."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "'" if _NUMBER.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _comments(remarks: Iterable[str]) -> str:
    return "".join(f"# {line}\n" for remark in remarks for line in _lines(remark))


def _lines(remark: str) -> list[str]:
    """A remark in lines; what a provider wrote must not end the comment."""
    printable = "".join(char if char.isprintable() else " " for char in remark)
    words = printable.split()
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) < WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _plain(value: Any) -> Any:
    """JSON values as YAML writes them: Decimals as numbers, tuples as lists."""
    match value:
        case Mapping():
            return {str(key): _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case bool() | int() | float() | str() | None:
            return value
    number = float(str(value))
    return int(number) if number.is_integer() else number
