from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_kernel import errors, ids


def test_a_new_id_is_an_id_of_ours_behind_its_prefix() -> None:
    value = ids.new_id("ses")
    assert value.startswith("ses_")
    assert len(value) == len("ses_") + 26
    assert ids.check_id(value, "session_id") == value


def test_ids_sort_by_the_millisecond_they_were_made_in() -> None:
    earlier = ids.new_id("trn")
    time.sleep(0.002)
    assert earlier < ids.new_id("trn")


def test_ids_of_the_same_moment_differ() -> None:
    assert len({ids.new_id("x") for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("value", ["", "a:b", "a b", "ä", "a\n", "a\x00", "x" * 65, "a/b", "a.b"])
def test_what_is_no_id_of_ours_is_refused_by_field(value: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        ids.check_id(value, "agent_id")
    assert caught.value.reason == "INVALID_ID"
    assert caught.value.violations[0].field == "agent_id"


@pytest.mark.parametrize("value", ["+49 151 234", "jürgen@example.org", "a:b", "日本", "x" * 256])
def test_a_foreign_id_is_any_text_within_its_bytes(value: str) -> None:
    assert ids.check_foreign_id(value, "channel_user_id") == value


@pytest.mark.parametrize(
    "value", ["", "x" * 257, "é" * 129, "a\x00", "a\x7f", "a\u0085", "line\nbreak", "\ud800"]
)
def test_empty_long_controlled_or_broken_foreign_ids_are_refused(value: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        ids.check_foreign_id(value, "channel_user_id")
    assert caught.value.reason == "INVALID_ID"


def test_a_digest_is_stable() -> None:
    assert ids.digest("tenant", "tool") == "c951bf24bcecf601da1d5783f37299ba"


@given(st.lists(st.text()), st.lists(st.text()))
def test_different_parts_have_different_digests_however_they_are_cut(
    left: list[str], right: list[str]
) -> None:
    try:
        same = ids.digest(*left) == ids.digest(*right)
    except UnicodeEncodeError:
        return
    assert same == (left == right)
