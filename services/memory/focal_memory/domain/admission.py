"""Which episodes are taken in, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from focal_kernel import errors, ids
from focal_memory.domain.episode import Episode

NUL = "\x00"  # valid in protobuf text, impossible in PostgreSQL's


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one episode, and one stream of them, may hold."""

    content_bytes: int = 64 * 1024
    metadata_entries: int = 32
    metadata_entry_bytes: int = 256
    stream_episodes: int = 1_000
    stream_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field of an episode; `reason` as in the contract's ErrorReason."""

    reason: str
    field: str
    description: str


def faults(episode: Episode, limits: Limits) -> list[Fault]:
    """Everything that is wrong with the episode; empty when it may be stored."""
    return [*_ids(episode), *_content(episode, limits), *_times(episode), *_metadata(episode, limits)]


def _ids(episode: Episode) -> Iterator[Fault]:
    named = {"episode_id": episode.episode_id, "session_id": episode.session_id}
    if episode.customer_id:
        named["customer_id"] = episode.customer_id
    for field, value in named.items():
        try:
            ids.check_id(value, field)
        except errors.InvalidArgument as error:
            yield Fault(error.reason, field, error.violations[0].description)


def _content(episode: Episode, limits: Limits) -> Iterator[Fault]:
    size = len(episode.content.encode())
    if not episode.content.strip():
        yield Fault("EMPTY_TEXT", "content", "must hold visible text")
    if size > limits.content_bytes:
        yield Fault("TEXT_TOO_LONG", "content", f"has {size} bytes, at most {limits.content_bytes} are kept")
    if NUL in episode.content:
        yield Fault("INVALID_FIELD", "content", "must not hold NUL characters")


def _times(episode: Episode) -> Iterator[Fault]:
    if episode.valid_to is not None and episode.valid_to < episode.occurred_at:
        yield Fault("INVALID_FIELD", "valid_to", "must not be before occurred_at")


def _metadata(episode: Episode, limits: Limits) -> Iterator[Fault]:
    entries = episode.metadata or {}
    if len(entries) > limits.metadata_entries:
        yield Fault("INVALID_FIELD", "metadata", f"must not exceed {limits.metadata_entries} entries")
    for key, value in entries.items():
        if len(key.encode()) + len(value.encode()) > limits.metadata_entry_bytes:
            yield Fault(
                "INVALID_FIELD", "metadata", f"an entry must not exceed {limits.metadata_entry_bytes} bytes"
            )
        if NUL in key or NUL in value:
            yield Fault("INVALID_FIELD", "metadata", "must not hold NUL characters")
