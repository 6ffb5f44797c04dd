"""Edits are checked by their shape."""

import pytest

from focal_kernel import errors
from focal_turn_gateway.domain.session_edits import Edit, EditLimits, Move

LIMITS = EditLimits(changes=2, value_bytes=20, variables=10, moves=10)


def test_values_become_canonical_and_null_removes() -> None:
    edit = Edit.checked({"b": " null", "a": '{"y": 1.50, "x": [true]}'}, (Move("s"),), LIMITS)
    assert dict(edit.variables) == {"a": '{"x":[true],"y":1.5}', "b": None}
    assert (edit.set_names, edit.removed_names) == (("a",), ("b",))


def test_the_limit_counts_bytes_of_the_canonical_form() -> None:
    assert Edit.checked({"a": f'"{"x" * 18}"' + " " * 40}, (), LIMITS).variables == {"a": f'"{"x" * 18}"'}
    for text in ('"' + "x" * 19 + '"', '"' + "é" * 10 + '"', " " * 1000 + "1"):
        with pytest.raises(errors.InvalidArgument, match="at most 20 bytes"):
            Edit.checked({"a": text}, (), LIMITS)


@pytest.mark.parametrize(
    ("variables", "moves"),
    [
        ({}, ()),
        ({"a": "1", "b": "1", "c": "1"}, ()),
        ({"": "1"}, ()),
        ({"a": "NaN"}, ()),
        ({"a": "\ud800"}, ()),
        ({"a": "[" * 100_000}, ()),
        ({}, (Move("a:b"),)),
        ({}, (Move("a", "x" * 65),)),
    ],
)
def test_what_is_no_edit_is_refused(variables: dict[str, str], moves: tuple[Move, ...]) -> None:
    with pytest.raises(errors.InvalidArgument):
        Edit.checked(variables, moves, LIMITS)
