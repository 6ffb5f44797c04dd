"""P4: everything that is found by the likeness of the customer's text, and what memory recalls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from focal_embedding import Embedder, EmbeddingError, Vectors
from focal_pipeline import errors
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain import scoring
from focal_pipeline.domain.turn import Event, Severity, Turn
from focal_pipeline.ports import Memory, Output, Recalled
from focal_pipeline.settings import MemorySettings
from focal_service_kit import logging

_log = logging.get("retrieval")


@dataclass(frozen=True)
class Retrieved:
    """`hybrid` has one score per row of the rule table, `entries` the best cosine per scenario; `whole` says
    that neither the embedding nor memory failed.
    """

    query: Vectors
    hybrid: scoring.Scores
    entries: Mapping[str, float]
    recalled: tuple[Recalled, ...] = ()
    whole: bool = True


class Retrieval:
    """Embeds the query once and asks memory meanwhile. Neither failing fails the turn."""

    def __init__(self, embedder: Embedder, memory: Memory, limits: MemorySettings) -> None:
        self._embedder = embedder
        self._memory = memory
        self._limits = limits

    async def retrieve(self, turn: Turn, runtime: AgentRuntime, output: Output) -> Retrieved:
        """Scores of rules and scenario entries, and recalled episodes."""
        text = turn.told
        if not text.strip():
            return scored(runtime, "", np.zeros(self._embedder.dimensions, np.float32))
        async with asyncio.TaskGroup() as both:
            recalling = both.create_task(self._recall(turn, text, output))
            vector = await self._embed(text, output)
        found = scored(
            runtime, text, np.zeros(self._embedder.dimensions, np.float32) if vector is None else vector
        )
        recalled = recalling.result()
        whole = vector is not None and recalled is not None
        return Retrieved(found.query, found.hybrid, found.entries, recalled or (), whole)

    async def _embed(self, text: str, output: Output) -> Vectors | None:
        try:
            vector: Vectors = (await self._embedder.embed([text]))[0]
        except EmbeddingError as error:
            _log.warning("query not embedded", reason=error.reason)
            await output.event(
                Event("infra", "brain.embedding_degraded", {"reason": error.reason}, Severity.WARN)
            )
            return None
        return vector

    async def _recall(self, turn: Turn, text: str, output: Output) -> tuple[Recalled, ...] | None:
        try:
            return tuple(await self._memory.recall(text, turn.customer_id, self._limits.limit))
        except errors.MemoryAway as away:
            await output.event(Event("memory", "degraded", {"reason": away.why}, Severity.WARN))
            return None


def transition_scores(
    runtime: AgentRuntime, query: Vectors, scenario_id: str, step_id: str
) -> dict[int, float]:
    """Cosine of the text with each transition of a step that has a text, by its number."""
    numbers, vectors = runtime.transitions.get(f"{scenario_id}#{step_id}", ((), None))
    return {} if vectors is None else dict(zip(numbers, (vectors @ query).tolist(), strict=True))


def scored(runtime: AgentRuntime, text: str, query: Vectors) -> Retrieved:
    """What the bundle makes of a text and its vector."""
    table = runtime.table
    if table.rules:
        hybrid = scoring.hybrid(table.vectors @ query, table.postings.score(text))
    else:
        hybrid = np.zeros(0, np.float32)
    entries = {key: float((rows @ query).max()) for key, rows in runtime.entries.items() if len(rows)}
    return Retrieved(query, hybrid, entries)
