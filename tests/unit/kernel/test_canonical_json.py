from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_kernel import canonical_json as canonical

PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN_TEXT
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(PLAIN_TEXT, inner), max_leaves=20
)


def test_keys_are_sorted_and_nothing_is_wasted() -> None:
    assert (
        canonical.dumps({"b": [1, None, True], "a": {"ü": "x\n"}}) == '{"a":{"ü":"x\\n"},"b":[1,null,true]}'
    )


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([10, 10.0, Decimal("10.00"), Decimal("1E+1")], "10"),
        ([0, -0.0, Decimal("0.000")], "0"),
        ([0.1, Decimal("0.10")], "0.1"),
        ([12345678901234567890, Decimal("12345678901234567890.0")], "12345678901234567890"),
        ([Decimal("0.1000000000000000000000000001")], "0.1000000000000000000000000001"),
        ([-1.5e-7, Decimal("-0.00000015")], "-0.00000015"),
        ([10**100, Decimal(10) ** 100, 1e100], "1e100"),
        ([Decimal("12E+70")], "1.2e71"),
        ([Decimal("1.5E-70")], "1.5e-70"),
    ],
)
def test_equal_numbers_have_one_spelling_and_lose_no_digit(values: list[Any], text: str) -> None:
    assert {canonical.dumps(value) for value in values} == {text}


def test_a_number_with_a_giant_exponent_stays_short() -> None:
    assert canonical.dumps(canonical.loads("1e999999999")) == "1e999999999"


@given(VALUES)
def test_what_is_written_is_json_and_reads_back_to_the_same_text(value: Any) -> None:
    text = canonical.dumps(value)
    json.loads(text)
    assert canonical.dumps(canonical.loads(text)) == text


@given(st.dictionaries(PLAIN_TEXT, SCALARS))
def test_the_order_of_insertion_leaves_no_mark(value: dict[str, Any]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical.dumps(value) == canonical.dumps(backwards)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), {1: 2}, {1}, b"x", "\ud800"]
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.dumps(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a":1,"a":2}',
        '{"x":{"a":1,"a":1}}',
        "NaN",
        "-Infinity",
        '"\\ud800"',
        "[" * 100_000,
        "9" * 5000,
        "1e99999999999999999999",
        "{'a':1}",
    ],
)
def test_text_that_readers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(canonical.NotJson):
        canonical.loads(text)


def test_fractions_are_read_exactly() -> None:
    assert canonical.loads("19.99") == Decimal("19.99")
    assert isinstance(canonical.loads("7"), int)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":[', "]}")])
@pytest.mark.parametrize("levels", [101, 10_000])
def test_what_is_nested_too_deep_is_no_json(opening: str, closing: str, levels: int) -> None:
    assert canonical.loads("[" * canonical.DEEPEST + "]" * canonical.DEEPEST)
    for text in (opening * levels + closing * levels, opening * levels):
        with pytest.raises(canonical.NotJson):
            canonical.loads(text)


def test_a_number_of_too_many_digits_is_refused_in_words_of_ours() -> None:
    with pytest.raises(canonical.NotJson, match="too many digits"):
        canonical.loads("9" * 5000)
