"""Episodes on the wire and in core."""

from __future__ import annotations

from datetime import datetime

from focal.memory.v1 import episode_pb2
from focal_kernel import errors
from focal_memory.domain.episode import Episode, Kind, Recalled, Source, group_id
from focal_memory.transport import times


def from_proto(message: episode_pb2.Episode, now: datetime) -> Episode:
    """The episode to store; `now` stands in for an absent `occurred_at`.

    Raises InvalidArgument on moments and enum values that do not exist.
    """
    return Episode(
        episode_id=message.episode_id,
        session_id=message.session_id,
        customer_id=message.customer_id,
        content=message.content,
        kind=_kind(message.type),
        source=_source(message.source),
        occurred_at=times.from_proto(message, "occurred_at") or now,
        valid_to=times.from_proto(message, "valid_to"),
        metadata=dict(message.metadata),
    )


def to_proto(episode: Episode, tenant: str) -> episode_pb2.Episode:
    """The episode as `tenant` sees it."""
    return episode_pb2.Episode(
        episode_id=episode.episode_id,
        group_id=group_id(tenant, episode.session_id),
        session_id=episode.session_id,
        customer_id=episode.customer_id,
        content=episode.content,
        type=episode_pb2.EpisodeType.ValueType(episode.kind),
        source=episode_pb2.EpisodeSource.ValueType(episode.source),
        occurred_at=times.to_proto(episode.occurred_at),
        valid_to=times.to_proto(episode.valid_to),
        recorded_at=times.to_proto(episode.recorded_at),
        metadata=episode.metadata,
    )


def recalled_to_proto(recalled: Recalled, tenant: str) -> episode_pb2.RecalledEpisode:
    """One recalled episode as `tenant` sees it."""
    return episode_pb2.RecalledEpisode(
        episode=to_proto(recalled.episode, tenant),
        score=recalled.score,
        vector_rank=recalled.vector_rank,
        lexical_rank=recalled.lexical_rank,
    )


def _kind(number: int) -> Kind:
    try:
        return Kind(number or Kind.MESSAGE)
    except ValueError:
        raise _unknown("type", number) from None


def _source(number: int) -> Source:
    try:
        return Source(number)
    except ValueError:
        raise _unknown("source", number) from None


def _unknown(field: str, number: int) -> errors.InvalidArgument:
    violation = errors.FieldViolation(field, f"has the unknown value {number}")
    return errors.InvalidArgument("INVALID_FIELD", f"{field} {violation.description}", violations=[violation])
