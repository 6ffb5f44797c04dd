"""The files an agent is written in, and how much of them is read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file; `path` is relative to the agent's folder with `/` between parts."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read before sources are refused.

    Sizes are bytes of UTF-8; `nodes` counts YAML values of one file after aliases are expanded;
    `depth` is the nesting of one file; `problems` caps what one answer lists.
    """

    files: int = 200
    file_bytes: int = 1024 * 1024
    total_bytes: int = 3 * 1024 * 1024
    nodes: int = 300_000
    depth: int = 40
    text_chars: int = 20_000
    definitions: int = 20_000
    problems: int = 500
