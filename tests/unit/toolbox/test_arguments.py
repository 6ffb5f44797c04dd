import json
from typing import Any

import pytest

from focal_toolbox import errors
from focal_toolbox.core import arguments
from focal_toolbox.core.arguments import Schemas
from focal_toolbox.domain.tool import Tool

LIMIT = 1000


def _refusal(schema: object, given: str) -> errors.Refusal:
    with pytest.raises(errors.Refusal) as caught:
        _check(schema, given)
    return caught.value


def _check(schema: object, given: str) -> None:
    Schemas(kept=4).check(Tool("t", schema_json=json.dumps(schema)), arguments.read(given, LIMIT))


def test_equal_arguments_have_one_spelling() -> None:
    assert arguments.read('{"b": 1.50, "a": 10.0}', LIMIT).canonical == '{"a":10,"b":1.5}'


def test_no_text_means_no_arguments() -> None:
    assert arguments.read("", LIMIT).values == {}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "1",
        "null",
        '{"a":NaN}',
        '{"a":-Infinity}',
        '{"a":1,"a":1}',
        '{"a":1} {"a":2}',
        '{"a":"\\ud800"}',
        '{"a":"' + "x" * LIMIT,
        '{"a":' * 120 + "1" + "}" * 120,
        '{"a":' * 150,
    ],
)
def test_what_is_no_json_object_is_malformed(text: str) -> None:
    with pytest.raises(errors.BadRequest) as caught:
        arguments.read(text, LIMIT)
    assert caught.value.violations[0].field == "call.arguments_json"


def test_a_whole_number_written_with_a_point_is_an_integer() -> None:
    _check({"properties": {"n": {"type": "integer"}}}, '{"n": 10.0}')


def test_numbers_beyond_double_precision_are_compared_exactly() -> None:
    refusal = _refusal({"properties": {"n": {"maximum": 9007199254740992}}}, '{"n": 9007199254740993}')
    assert refusal.reason == "INVALID_TOOL_ARGUMENTS"


def test_cents_are_exact() -> None:
    _check({"properties": {"n": {"multipleOf": 0.01}}}, '{"n": 59.91}')


def test_every_violation_is_listed() -> None:
    schema = {
        "properties": {"a": {"type": "string"}, "b": {"enum": ["x"]}, "c": {"items": {"minimum": 1}}},
        "required": ["d", "e"],
    }
    message = _refusal(schema, '{"a": 1, "b": "y", "c": [1, 0]}').message
    for words in ("/a: must satisfy type string", "/b: must satisfy enum", "/c/1:", "'d'", "'e'"):
        assert words in message


def test_no_violation_repeats_the_customers_value() -> None:
    schema = {"properties": {"iban": {"pattern": "^DE"}, "n": {"const": 1}}}
    assert "secret" not in _refusal(schema, '{"iban": "secret", "n": "secret"}').message


def test_a_long_list_of_violations_is_cut() -> None:
    names = [f"name_{number}" for number in range(80)]
    assert "and 30 more" in _refusal({"required": names}, "{}").message


@pytest.mark.parametrize(
    "schema",
    [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:1/x"}, {"$ref": "#/nowhere"}, {"$ref": "#"}],
)
def test_a_schema_that_cannot_be_used_is_the_bundles_fault(schema: dict[str, Any]) -> None:
    assert _refusal(schema, '{"a": 1}').reason == "INVALID_BUNDLE"


def test_a_tool_without_a_schema_takes_anything() -> None:
    Schemas(kept=1).check(Tool("t"), arguments.read('{"a": 1}', LIMIT))


def test_references_inside_the_schema_work() -> None:
    schema = {"$defs": {"s": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/s"}}}
    assert _refusal(schema, '{"a": 1}').reason == "INVALID_TOOL_ARGUMENTS"


@pytest.mark.parametrize("number", ["1e400", "1e999999999", "9" * 900])
def test_a_number_that_no_schema_can_check_is_the_callers_fault(number: str) -> None:
    schema = {"properties": {"n": {"type": "number", "multipleOf": 0.01, "maximum": 5}}}
    assert _refusal(schema, f'{{"n": {number}}}').reason == "INVALID_TOOL_ARGUMENTS"


def test_arguments_as_deep_as_may_be_pass_a_schema_that_refers_to_itself() -> None:
    node = {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "additionalProperties": False}
    _check({"$ref": "#/$defs/n", "$defs": {"n": node}}, '{"a":' * 98 + "{}" + "}" * 98)
