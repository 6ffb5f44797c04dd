"""What a person is asked to look at before an imported tool is used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from focal_cli.tool_files import Definition

DESCRIPTION_CHARS = 500
"""Descriptions reach the model with every call; documents write pages."""

NO_KEY = "no argument is required that could tell one call from another; define it by hand"

HEAD = (
    "Descriptions and names are the provider's words, and the model reads them: read them first.",
    "What may change something is not enabled. Review each, then remove its `enabled: false`.",
)


@dataclass
class Imported:
    """Tools, what was left out and why, and what stands at the head of the file."""

    head: list[str] = field(default_factory=list)
    tools: list[Definition] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def policy(found: str, key: tuple[str, ...]) -> Mapping[str, Any]:
    """The keys of a policy; whatever is not pure waits for a person."""
    if found == "pure":
        return {"policy": found}
    named = {"business_key": list(key)} if found == "irreversible" else {}
    return {"policy": found, **named, "enabled": False}


def of_key(key: tuple[str, ...]) -> Iterator[str]:
    """What is asked about a business key."""
    named = ", ".join(key)
    yield f"REVIEW: business_key is a guess. Are two calls with equal {named} one and the same operation?"


def description(said: str, fallback: str) -> str:
    """A provider's words on one line, cut."""
    text = " ".join("".join(char if char.isprintable() else " " for char in said).split()) or fallback
    return text if len(text) <= DESCRIPTION_CHARS else text[: DESCRIPTION_CHARS - 1] + "…"
