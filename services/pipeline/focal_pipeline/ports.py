"""What the core needs from the world, one small Protocol per need."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from focal_pipeline.domain import models, tools, turn
from focal_pipeline.domain.bundle import Bundle, Pointer


class BundleSource(Protocol):
    """Where published bundles come from."""

    async def fetch(self, tenant_id: str, agent_id: str, version: int) -> Bundle:
        """One version, 0 for the current one. Raises AgentNotFound, VersionNotFound or
        ConfigUnavailable.
        """

    def watch(self) -> AsyncIterator[Pointer]:
        """Every current pointer of all tenants, then each change; ends or raises ConfigUnavailable
        when the connection does.
        """


class Toolbox(Protocol):
    """The one boundary through which tools run."""

    async def execute(
        self, context: tools.Context, call: tools.Call, on_started: Callable[[str], Awaitable[None]]
    ) -> tools.Outcome:
        """Carry out one call; `on_started` gets the ledger id once the effect is reserved.

        A tool's failure is an outcome. Raises Fenced; anything else that keeps the answer away
        becomes an ERROR outcome of a PURE tool and an IN_DOUBT one of any other.
        """

    async def confirm(self, session_id: str, reply: tools.Reply) -> None:
        """Record the customer's answer. One that comes too late, or that cannot be recorded now, changes
        nothing: the call that it is about tells.
        """


@dataclass(frozen=True, slots=True)
class Recalled:
    """One thing memory knows; `speaker` is `customer`, `agent` or `system`."""

    content: str
    speaker: str


class Memory(Protocol):
    """What is known from before."""

    async def recall(self, query: str, customer_id: str, limit: int) -> Sequence[Recalled]:
        """Best first. Raises MemoryAway when memory does not answer in time."""


class LanguageModel(Protocol):
    """Models behind one endpoint, asked by name. Every method raises ModelFailed."""

    def stream(self, request: models.Request) -> AsyncGenerator[models.Chunk]:
        """The reply in pieces; the last chunk carries the usage. StreamCut when it breaks off."""

    async def call_tool(self, request: models.Request, tool: models.ToolSpec) -> models.Filled:
        """Arguments for a tool, forced."""

    async def structured(self, request: models.Request, schema: Mapping[str, Any]) -> models.Filled:
        """An object that follows the JSON Schema."""


class Output(Protocol):
    """The way back to the gateway while the turn runs."""

    async def event(self, event: turn.Event) -> None:
        """Have an event stored."""

    async def text(self, text: str) -> None:
        """Show live text; it is appended to what was shown before in this attempt."""

    async def decision(self, decision: turn.Decision) -> None:
        """State what was decided about pending messages."""

    async def store(self, artifact: turn.Artifact) -> None:
        """Have an artifact stored; returns once it is durable."""

    async def offer(self, artifact: turn.Artifact) -> None:
        """Have an artifact stored when there is time for it; it may be lost."""


class Verdict(enum.Enum):
    """What came of an artifact that was there: reused, of another input or version, or not fit for use."""

    HIT = "hit"
    MISS = "miss"
    INVALID = "invalid"


class ReuseCounts(Protocol):
    """Counts what artifacts are good for."""

    def count(self, phase: str, verdict: Verdict) -> None:
        """One more of a phase, such as `P4`."""


class _NoCounts:
    def count(self, phase: str, verdict: Verdict) -> None:
        pass


NO_COUNTS: ReuseCounts = _NoCounts()
"""For a brain that nobody watches."""
