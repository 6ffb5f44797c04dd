"""Which episodes are taken in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from focal_memory.domain import admission
from focal_memory.domain.episode import Episode

NOW = datetime(2025, 1, 1, tzinfo=UTC)
GOOD = Episode("e1", "s1", "hello", NOW, customer_id="c1", metadata={"channel": "sms"})


def _faults(**changes: object) -> list[tuple[str, str]]:
    episode = replace(GOOD, **changes)  # type: ignore[arg-type]
    return [(fault.reason, fault.field) for fault in admission.faults(episode, admission.Limits())]


def test_a_usual_episode_is_taken_in() -> None:
    assert _faults() == []


def test_an_episode_about_nobody_in_particular_is_taken_in() -> None:
    assert _faults(customer_id="") == []


@pytest.mark.parametrize("field", ["episode_id", "session_id", "customer_id"])
@pytest.mark.parametrize("value", ["a:b", "a b", "x" * 65, "tab\t"])
def test_ids_that_could_be_mistaken_for_keys_are_refused(field: str, value: str) -> None:
    assert _faults(**{field: value}) == [("INVALID_ID", field)]


@pytest.mark.parametrize("content", ["", "  \n "])
def test_content_without_visible_text_is_refused(content: str) -> None:
    assert _faults(content=content) == [("EMPTY_TEXT", "content")]


def test_content_is_measured_in_bytes() -> None:
    assert _faults(content="é" * 32 * 1024) == []
    assert _faults(content="é" * 32 * 1024 + "e") == [("TEXT_TOO_LONG", "content")]


def test_nul_which_the_database_cannot_hold_is_refused() -> None:
    assert _faults(content="a\x00b") == [("INVALID_FIELD", "content")]
    assert _faults(metadata={"a": "\x00"}) == [("INVALID_FIELD", "metadata")]


def test_an_end_before_the_beginning_is_refused() -> None:
    assert _faults(valid_to=NOW - timedelta(seconds=1)) == [("INVALID_FIELD", "valid_to")]
    assert _faults(valid_to=NOW) == []


def test_metadata_is_bounded_in_number_and_size() -> None:
    assert _faults(metadata={str(n): "" for n in range(33)}) == [("INVALID_FIELD", "metadata")]
    assert _faults(metadata={"k": "v" * 255}) == []
    assert _faults(metadata={"k": "v" * 256}) == [("INVALID_FIELD", "metadata")]


def test_every_fault_of_an_episode_is_found() -> None:
    assert len(_faults(episode_id="", session_id="", content="")) == 3
