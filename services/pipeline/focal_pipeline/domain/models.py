"""Requests to language models and their answers, independent of any endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OFFLINE = "offline"
"""The built-in deterministic model, which is no language model."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a prompt; `role` is `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """What one model is asked; the timeout covers the whole answer."""

    model: str
    prompt: tuple[Said, ...]
    temperature: float
    max_tokens: int
    timeout_s: float

    @property
    def characters(self) -> int:
        """Length of the prompt."""
        return sum(len(said.content) for said in self.prompt)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the endpoint reported; 0 when it did not."""

    prompt: int = 0
    completion: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed reply; the tokens come with the last one."""

    text: str = ""
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filled:
    """A JSON object that a model wrote, not yet validated against anything but being JSON."""

    value: Mapping[str, Any]
    tokens: Tokens = Tokens()
