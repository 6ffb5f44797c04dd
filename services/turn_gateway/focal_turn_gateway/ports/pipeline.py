"""What the turn program says to the brain and the toolbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from focal_turn_gateway.domain.events import AgentReported
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.turns import Artifact, Attempt, Decision, OpenTurn, TurnResult


@dataclass(frozen=True, slots=True)
class Fenced:
    """The fence holds; `effects` are the turn group's effects, serialized and unread here. `committed` says
    whether one of them is past the commit point.
    """

    effects: tuple[bytes, ...]
    committed: bool = False


class EffectFence(Protocol):
    """Keeps earlier attempts from causing effects."""

    async def fence(self, turn: Attempt | OpenTurn) -> Fenced:
        """Raise the session's fence to the turn's epoch. Raises AttemptLost, AttemptFailed."""

    async def committed(self, turn: Attempt | OpenTurn) -> bool:
        """Whether an effect of the turn's group is past the commit point. Raises AttemptFailed."""


@dataclass(frozen=True, slots=True)
class OfferedArtifact:
    """An artifact the pipeline wants stored; it waits for the word that it is when `acknowledge`."""

    artifact: Artifact
    acknowledge: bool


@dataclass(frozen=True, slots=True)
class Text:
    """Live text of the attempt."""

    sequence: int
    text: str


PipelineFrame = AgentReported | Text | OfferedArtifact | Decision | TurnResult


class PipelineRun(Protocol):
    """One attempt being run by the pipeline."""

    def frames(self) -> AsyncIterator[PipelineFrame]:
        """What the pipeline says, to its result. Raises AttemptFailed."""

    async def tell_pending(self, messages: Sequence[Message]) -> None:
        """State that messages arrived."""

    async def tell_stored(self, name: str) -> None:
        """State that an artifact is durable."""


class Pipeline(Protocol):
    """Decides what is said."""

    def run(self, attempt: Attempt, effects: tuple[bytes, ...]) -> AbstractAsyncContextManager[PipelineRun]:
        """Run an attempt; leaving the context abandons it."""
