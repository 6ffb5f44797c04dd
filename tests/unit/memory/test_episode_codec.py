"""Episodes on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from focal.memory.v1 import episode_pb2
from focal_kernel import errors
from focal_memory.domain.episode import Episode, Kind, Recalled, Source
from focal_memory.transport import episode_codec

NOW = datetime(2025, 6, 1, 12, 30, tzinfo=UTC)
FULL = Episode(
    episode_id="e1",
    session_id="s1",
    content="hello",
    occurred_at=datetime(2025, 1, 1, tzinfo=UTC),
    customer_id="c1",
    kind=Kind.SUMMARY,
    source=Source.AGENT,
    valid_to=datetime(2026, 1, 1, tzinfo=UTC),
    metadata={"channel": "sms"},
)


def test_an_episode_survives_the_round_trip() -> None:
    assert episode_codec.from_proto(episode_codec.to_proto(FULL, "acme"), NOW) == FULL


def test_the_group_is_named_after_tenant_and_session() -> None:
    assert episode_codec.to_proto(FULL, "acme").group_id == "acme:s1"


def test_what_is_left_out_gets_its_default() -> None:
    bare = episode_codec.from_proto(episode_pb2.Episode(episode_id="e1", content="hi"), NOW)
    assert (bare.kind, bare.source, bare.occurred_at) == (Kind.MESSAGE, Source.UNKNOWN, NOW)
    assert bare.valid_to is None


def test_a_recalled_episode_carries_its_ranks() -> None:
    message = episode_codec.recalled_to_proto(Recalled(FULL, 0.5, 3, 0), "acme")
    assert (message.score, message.vector_rank, message.lexical_rank) == (0.5, 3, 0)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (episode_pb2.Episode(type=99), "type"),  # type: ignore[arg-type]
        (episode_pb2.Episode(source=99), "source"),  # type: ignore[arg-type]
        (episode_pb2.Episode(occurred_at=Timestamp(seconds=10**12)), "occurred_at"),
    ],
)
def test_values_that_do_not_exist_are_refused_by_name(message: episode_pb2.Episode, field: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        episode_codec.from_proto(message, NOW)
    assert caught.value.violations[0].field == field


def test_the_enums_of_core_and_contract_have_the_same_numbers() -> None:
    assert {kind.value for kind in Kind} == set(episode_pb2.EpisodeType.values()) - {0}
    assert {source.value for source in Source} == set(episode_pb2.EpisodeSource.values())
