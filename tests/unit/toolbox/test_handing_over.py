from dataclasses import replace

import pytest

from focal_toolbox.domain import handing_over
from focal_toolbox.domain.tool import Tool
from tests.unit.toolbox.test_codec import EFFECT

HOLD = replace(
    EFFECT,
    tool_name="hold",
    arguments_json='{"order_id":"10003","note":"soon"}',
    result_json='{"holds":[{"id":"H-7"}],"expires":null}',
)
UNDO = Tool("release", schema_json='{"properties": {"order_id": {}, "hold": {}, "expires": {}}}')


def test_arguments_of_the_same_name_are_handed_over_and_others_come_from_their_paths() -> None:
    named = {"hold": "result.holds.0.id", "expires": "result.expires"}
    assert handing_over.arguments(HOLD, UNDO, named) == '{"hold":"H-7","order_id":"10003"}'


@pytest.mark.parametrize("path", ["result.holds.7.id", "result.holds.id", "arguments.note.x", "weather"])
def test_a_path_that_leads_nowhere_gives_no_argument(path: str) -> None:
    assert handing_over.arguments(HOLD, UNDO, {"hold": path}) == '{"order_id":"10003"}'


def test_a_named_source_takes_the_place_of_the_argument_of_the_same_name() -> None:
    named = {"order_id": "arguments.note"}
    assert handing_over.arguments(HOLD, UNDO, named) == '{"order_id":"soon"}'


def test_the_key_of_its_requests_is_handed_over_where_it_is_named() -> None:
    named = {"hold": "effect.key", "expires": "effect.effect_id"}
    assert handing_over.arguments(HOLD, UNDO, named) == '{"hold":"key","order_id":"10003"}'


def test_an_effect_in_doubt_has_no_result_to_hand_over() -> None:
    doubtful = replace(HOLD, result_json="")
    assert handing_over.arguments(doubtful, UNDO, {"hold": "result.id"}) == '{"order_id":"10003"}'
