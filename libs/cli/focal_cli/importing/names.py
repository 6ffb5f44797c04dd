"""Names that fit: of tools, arguments and settings."""

import re
from collections.abc import Container

TOOL_CHARS = 64
SETTING_CHARS = 40


def tool(wanted: str, taken: Container[str]) -> str:
    """A tool's name near the wanted one that is not taken yet."""
    return _free(_words(wanted, r"[^A-Za-z0-9_-]+").strip("-_")[:TOOL_CHARS] or "tool", taken)


def argument(wanted: str, taken: Container[str]) -> str:
    """An argument's name, which a request template can hold."""
    name = _words(wanted, r"[^A-Za-z0-9_]+").strip("_") or "value"
    return _free(f"_{name}" if name[0].isdigit() else name, taken)


def setting(*wanted: str) -> str:
    """A name for a value of the toolbox's settings, in capitals."""
    parts = (_words(part, r"[^A-Za-z0-9]+").strip("_").upper()[:SETTING_CHARS] for part in wanted)
    return "_".join(filter(None, parts))


def _words(text: str, unfit: str) -> str:
    return re.sub(unfit, "_", text, flags=re.ASCII)


def _free(name: str, taken: Container[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        suffix = f"_{number}"
        found = f"{name[: TOOL_CHARS - len(suffix)]}{suffix}"
    return found
