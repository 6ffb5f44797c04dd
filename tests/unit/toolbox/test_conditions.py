"""Conditions over arguments.

Seen to fail: without `_check`, without `_plain`, with `bool(found)` for truth, and without `TypeError`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from focal_toolbox.domain.conditions import BadCondition, Condition, NotJudged


@pytest.mark.parametrize(
    ("text", "arguments", "holds"),
    [
        ("amount > `100`", {"amount": 101}, True),
        ("amount > `100`", {"amount": Decimal("100.0")}, False),
        ("amount > `100.1`", {"amount": Decimal("100.1")}, False),
        ("amount == `100.1`", {"amount": Decimal("100.1")}, True),
        ("to_number(amount) > `100`", {"amount": "100.50"}, True),
        ("amount > `100`", {}, False),
        ("amount", {"amount": 0}, True),
        ("note", {"note": ""}, False),
        ("items", {"items": []}, False),
        ("items[?price > `10`]", {"items": [{"price": Decimal("10.5")}]}, True),
        ("country != 'CH'", {"country": "DE"}, True),
        ("!country", {}, True),
    ],
)
def test_a_condition_holds_as_jmespath_has_truth(text: str, arguments: dict[str, Any], holds: bool) -> None:
    assert Condition(text).holds(arguments) is holds


@pytest.mark.parametrize(
    ("text", "arguments"),
    [("contains(iban, 'DE')", {}), ("amount > `100`", {"amount": "101"}), ("sum(items)", {"items": ["a"]})],
)
def test_arguments_of_another_kind_cannot_be_judged(text: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(NotJudged):
        Condition(text).holds(arguments)


@pytest.mark.parametrize(
    "text",
    [
        "amount > 100",
        "amount >",
        "nope(amount)",
        "paid || nope(amount)",
        "contains(name)",
        "[?starts_with(@)]",
        "[" * 900,
        "a" * 1001,
    ],
)
def test_what_is_no_condition_is_refused_when_it_is_written(text: str) -> None:
    with pytest.raises(BadCondition) as refused:
        Condition(text)
    assert "\n" not in str(refused.value)


def test_variadic_functions_take_as_many_arguments_as_they_are_given() -> None:
    assert Condition("not_null(a, b, c)").holds({"c": 1})
