from decimal import Decimal

import pytest

from focal_pipeline.domain import placeholders


def test_places_are_found_in_nested_json() -> None:
    assert placeholders.names({"a": ["{order_id}", {"b": "no {amount} here"}], "c": 1}) == {
        "order_id",
        "amount",
    }


def test_a_text_with_a_missing_value_is_not_rendered() -> None:
    assert placeholders.render("Order {order_id}", {}) is None


def test_braces_that_hold_no_variable_stay() -> None:
    assert placeholders.render("{Not} {1} {}", {}) == "{Not} {1} {}"


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        (True, "yes"),
        (False, "no"),
        (Decimal("59.90"), "59.90"),
        (3, "3"),
        (["a", "b"], "a, b"),
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
    ],
)
def test_values_are_spoken_as_in_a_sentence(value: object, spoken: str) -> None:
    assert placeholders.render("{x}", {"x": value}) == spoken


def test_a_text_that_is_one_place_keeps_the_values_type() -> None:
    filled = placeholders.fill({"n": "{n}", "s": "no. {n}", "l": ["{n}"], "k": 7}, {"n": 3})
    assert filled == {"n": 3, "s": "no. 3", "l": [3], "k": 7}


def test_filling_without_a_value_names_the_variable() -> None:
    with pytest.raises(KeyError, match="n"):
        placeholders.fill("{n}", {})
