from decimal import Decimal
from typing import Any

import pytest

from focal_pipeline.domain import values
from focal_pipeline.domain.bundle import Variable


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("string", "  10003 ", "10003"),
        ("string", 10003, "10003"),
        ("string", "   ", None),
        ("number", "1,250.50", Decimal("1250.50")),
        ("number", "7", 7),
        ("number", "7.0", 7),
        ("number", "seven", None),
        ("number", "NaN", None),
        ("number", True, None),
        ("boolean", "Yes", True),
        ("boolean", "no", False),
        ("boolean", "perhaps", None),
        ("date", "24.12.2025", "2025-12-24"),
        ("date", "2025-12-24", "2025-12-24"),
        ("date", "December 24, 2025", "2025-12-24"),
        ("date", "31.02.2025", None),
    ],
)
def test_text_becomes_a_value_of_the_variables_type(kind: str, raw: object, value: Any) -> None:
    assert values.accept(Variable("x", type=kind), raw) == value


def test_a_value_that_is_not_allowed_is_none() -> None:
    variable = Variable("size", allowed_values=frozenset({'"S"', '"M"'}))
    assert values.accept(variable, "XL") is None


def test_an_allowed_text_is_found_whatever_its_case() -> None:
    assert values.accept(Variable("size", allowed_values=frozenset({'"Small"'})), "SMALL") == "Small"


@pytest.mark.parametrize(
    ("path", "value"),
    [("order.items.1.name", "cap"), ("order.total", 3), ("order.items.9", None), ("order.x.y", None)],
)
def test_a_path_leads_into_a_result(path: str, value: Any) -> None:
    assert values.at_path({"order": {"total": 3, "items": [{"name": "hat"}, {"name": "cap"}]}}, path) == value


def test_an_empty_path_is_the_result_itself() -> None:
    assert values.at_path([1], "") == [1]
