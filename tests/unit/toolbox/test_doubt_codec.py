from __future__ import annotations

from typing import Any

import pytest

from focal.toolbox.v1 import effect_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal_kernel import errors as kernel_errors
from focal_toolbox.domain.doubt import Checked, Finding
from focal_toolbox.domain.effect import State
from focal_toolbox.transport import doubt_codec
from tests.unit.toolbox.test_codec import EFFECT

DONE, FAILED = effect_pb2.EFFECT_STATE_DONE, effect_pb2.EFFECT_STATE_FAILED


def request(**changes: Any) -> pb.ResolveEffectRequest:
    given = {"effect_id": "eff_1", "state": DONE, "reason": "seen in the books", "request_id": "req 1"}
    return pb.ResolveEffectRequest(**{**given, **changes})


def test_a_persons_word_is_read_with_its_result_made_canonical() -> None:
    said = doubt_codec.statement_from_proto("acme", "ada", request(result_json='{"b": 1.0, "a": 2}'))
    assert (said.state, said.result_json, said.resolved_by) == (State.DONE, '{"a":2,"b":1}', "ada")
    assert (said.error_reason, said.quiet_s, said.reservation_id) == ("", None, "")
    failed = doubt_codec.statement_from_proto("acme", "ada", request(state=FAILED))
    assert (failed.state, failed.error_reason) == (State.FAILED, "resolved")


def test_the_content_of_a_request_is_all_that_it_says() -> None:
    def of(**changes: Any) -> str:
        return doubt_codec.statement_from_proto("acme", "ada", request(**changes)).content_hash

    contents = [
        of(),
        of(state=FAILED),
        of(reason="asked the bank"),
        of(effect_id="eff_2"),
        of(result_json="{}"),
    ]
    assert len(set(contents)) == len(contents)
    assert of() == of(request_id="req 2")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"effect_id": "a b"}, "INVALID_ID"),
        ({"request_id": ""}, "INVALID_ID"),
        ({"state": effect_pb2.EFFECT_STATE_IN_DOUBT}, "INVALID_FIELD"),
        ({"state": 0}, "INVALID_FIELD"),
        ({"reason": " "}, "INVALID_FIELD"),
        ({"reason": "x" * 501}, "INVALID_FIELD"),
        ({"result_json": "{"}, "INVALID_FIELD"),
        ({"result_json": '{"a":"%s"}' % ("x" * 65536)}, "INVALID_FIELD"),
        ({"state": FAILED, "result_json": "{}"}, "INVALID_FIELD"),
    ],
)
def test_a_malformed_word_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(kernel_errors.FocalError) as refused:
        doubt_codec.statement_from_proto("acme", "ada", request(**changes))
    assert refused.value.reason == reason


@pytest.mark.parametrize("finding", Finding)
def test_every_finding_has_its_name_on_the_wire(finding: Finding) -> None:
    message = doubt_codec.checked_to_proto(Checked(EFFECT, finding, "timeout", "no answer"))
    assert pb.CheckFinding.Name(message.finding) == f"CHECK_FINDING_{finding}"
    assert (message.error_reason, message.message) == ("timeout", "no answer")
    assert message.effect.effect_id == "eff_1"


def test_an_effect_is_shown_with_all_that_was_said() -> None:
    assert EFFECT.resolution is not None
    shown = doubt_codec.shown_to_proto(EFFECT, [EFFECT.resolution])
    (said,) = shown.resolutions
    assert (said.check_tool, said.reason, said.resolved_by) == ("look_up", "seen in the books", "ada")
    assert shown.effect.resolution == said
