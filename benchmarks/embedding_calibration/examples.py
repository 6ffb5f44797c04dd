"""The labelled examples: conditions of one agent per language, and what customers wrote."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "labelled"
EXPECTATIONS = 3  # a step's text for relocalization carries at most this many (DOMAIN §5.2)


@dataclass(frozen=True)
class Message:
    """What a customer wrote, with the ids of the conditions it meets; none is a frequent answer."""

    text: str
    meets: frozenset[str]


@dataclass(frozen=True)
class Site:
    """A place where conditions compete for a message: id → condition text, and the messages seen
    there.
    """

    conditions: dict[str, str]
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Sites:
    """All sites of one language, by the kind of decision taken there."""

    language: str
    rules: Site
    scenarios: Site
    steps: tuple[Site, ...]
    relocalization: Site


def load(folder: Path = FOLDER) -> list[Sites]:
    """Every example file of the folder, ordered by language."""
    return [_sites(yaml.safe_load(path.read_text("utf-8"))) for path in sorted(folder.glob("*.yaml"))]


def _sites(agent: dict[str, Any]) -> Sites:
    return Sites(
        language=agent["language"],
        rules=_open_site(agent["rules"], agent["messages"], "rules"),
        scenarios=_open_site(agent["scenarios"], agent["messages"], "scenarios"),
        steps=tuple(Site(step["transitions"], _answers(step)) for step in agent["steps"]),
        relocalization=_relocalization(agent["steps"]),
    )


def _open_site(conditions: dict[str, str], messages: list[dict[str, Any]], kind: str) -> Site:
    return Site(conditions, tuple(Message(m["text"], frozenset(m[kind])) for m in messages))


def _answers(step: dict[str, Any]) -> tuple[Message, ...]:
    return tuple(Message(m["text"], frozenset([m["takes"]] if m["takes"] else [])) for m in step["messages"])


def _relocalization(steps: list[dict[str, Any]]) -> Site:
    """A message that answers a step belongs to it; the step's text is name, description,
    expectations.
    """
    texts = {
        step["name"]: ". ".join(
            [step["name"], step["description"], *list(step["transitions"].values())[:EXPECTATIONS]]
        )
        for step in steps
    }
    messages = tuple(
        Message(m["text"], frozenset([step["name"]] if m["takes"] else []))
        for step in steps
        for m in step["messages"]
    )
    return Site(texts, messages)
