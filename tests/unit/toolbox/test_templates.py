from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_toolbox import errors
from focal_toolbox.adapters.providers import templates
from focal_toolbox.adapters.providers.templates import Filling

VARIABLES = {"BASE": "http://shop", "TOKEN": "s3cret"}


def _fill(**arguments: Any) -> Filling:
    return Filling(arguments, VARIABLES)


def test_variables_are_found_in_any_spelling() -> None:
    assert _fill().url("${base}/x") == "http://shop/x"


@given(st.text(min_size=1).filter(lambda text: text not in {".", ".."}))
def test_no_argument_leaves_its_place_in_a_url(text: str) -> None:
    url = _fill(id=text).url("${BASE}/orders/{id}/refund")
    place = url.removeprefix("http://shop/orders/").removesuffix("/refund")
    assert not set(place) & set("/?#&{}$ ")


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_cannot_be_walked(value: str) -> None:
    with pytest.raises(errors.Refusal, match="URL"):
        _fill(id=value).url("/{id}")


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (5, "5"), ({"a": [1]}, "%7B%22a%22%3A%5B1%5D%7D")]
)
def test_values_are_written_as_json_in_a_url(value: object, text: str) -> None:
    assert _fill(v=value).url("/{v}") == f"/{text}"


def test_an_argument_cannot_bring_in_a_variable() -> None:
    assert _fill(a="${TOKEN}").header("{a}") == "${TOKEN}"


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "ä", "\x00"])
def test_a_header_holds_printable_ascii(value: str) -> None:
    with pytest.raises(errors.Refusal) as caught:
        _fill(a=value).header("x {a}")
    assert value not in caught.value.message


def test_a_missing_variable_is_named_and_a_missing_argument_too() -> None:
    with pytest.raises(errors.Refusal, match="variables.NOPE") as caught:
        _fill().url("${NOPE}")
    assert caught.value.reason == "PROVIDER_NOT_CONFIGURED"
    with pytest.raises(errors.Refusal, match="'id'") as caught:
        _fill().url("/{id}")
    assert caught.value.reason == "INVALID_TOOL_ARGUMENTS"


def test_a_body_keeps_types_and_leaves_out_what_is_absent() -> None:
    template = {
        "n": "{n}",
        "t": "no {n}",
        "l": ["{n}", "{x}", 1],
        "x": "{x}",
        "deep": {"x": "{x}"},
        "f": True,
    }
    assert _fill(n=5).body(template) == {"n": 5, "t": "no 5", "l": [5, 1], "deep": {}, "f": True}


def test_a_body_that_is_one_absent_argument_is_null() -> None:
    assert _fill().body("{x}") is None


def test_absent_query_parameters_are_left_out() -> None:
    assert _fill(n=5).query({"n": "{n}", "x": "{x}", "t": "n{n}"}) == {"n": "5", "t": "n5"}


def test_the_arguments_of_a_template_are_known() -> None:
    assert templates.names("${BASE}/{a}/{b}?x={a}") == {"a", "b"}


@pytest.mark.parametrize(
    ("template", "start"),
    [("${BASE}/a/{b}/{c}", "${BASE}/a/"), ("{a}", ""), ("http://x", "http://x"), ("${A}{b}", "${A}")],
)
def test_no_argument_reaches_what_is_before_the_first(template: str, start: str) -> None:
    assert templates.before_arguments(template) == start
