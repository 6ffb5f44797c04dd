"""Rows of `memory.episode` and the values they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from focal_kernel import canonical_json
from focal_memory.adapters.postgres import statement
from focal_memory.domain.episode import Episode, Kind, Recalled, Source
from focal_memory.ports import Indexed


def columns(episodes: Sequence[Indexed]) -> list[list[Any]]:
    """One array per column, in the order that `episode_store` unnests them."""
    return [list(column) for column in zip(*map(_row, episodes), strict=True)]


def _row(indexed: Indexed) -> tuple[Any, ...]:
    episode = indexed.episode
    return (
        episode.episode_id,
        episode.session_id,
        episode.customer_id,
        episode.content,
        int(episode.kind),
        int(episode.source),
        canonical_json.dumps(episode.metadata or {}),
        " ".join(indexed.words),
        episode.occurred_at,
        episode.valid_to,
        statement.vector_text(indexed.vector),
    )


def recalled(row: asyncpg.Record) -> Recalled:
    """A row of the recall statement."""
    return Recalled(
        episode=Episode(
            episode_id=row["episode_id"],
            session_id=row["session_id"],
            customer_id=row["customer_id"],
            content=row["content"],
            kind=Kind(row["kind"]),
            source=Source(row["source"]),
            metadata=canonical_json.loads(row["metadata"]),
            occurred_at=row["valid_from"],
            valid_to=row["valid_to"],
            recorded_at=row["recorded_at"],
        ),
        score=row["score"],
        vector_rank=row["vector_rank"],
        lexical_rank=row["lexical_rank"],
    )
