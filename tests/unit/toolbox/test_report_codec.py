from __future__ import annotations

import json
from typing import Any

import pytest

from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal_toolbox import errors
from focal_toolbox.domain.effect import State
from focal_toolbox.domain.report import Report
from focal_toolbox.transport import report_codec

SUCCESS, ERROR, CACHED, STARTED = (
    tool_pb2.TOOL_STATUS_SUCCESS,
    tool_pb2.TOOL_STATUS_ERROR,
    tool_pb2.TOOL_STATUS_CACHED,
    tool_pb2.TOOL_STATUS_STARTED,
)


def _read(**result: Any) -> Report:
    request = pb.ReportToolResultRequest(token="frt_x", result=tool_pb2.ToolResult(**result))
    return report_codec.report_from_proto(request, 100)


@pytest.mark.parametrize(
    ("result", "report"),
    [
        ({"status": SUCCESS, "result_json": '{ "b": 1.0, "a": 2 }'}, Report(State.DONE, '{"a":2,"b":1}')),
        ({"status": SUCCESS}, Report(State.DONE, "null")),
        ({"status": ERROR, "error_reason": "Gone"}, Report(State.FAILED, error_reason="gone")),
        (
            {"status": ERROR, "error_message": "secrets"},
            Report(State.FAILED, error_reason="provider_error"),
        ),
    ],
)
def test_equal_reports_are_spelled_alike(result: dict[str, Any], report: Report) -> None:
    assert _read(**result) == report


@pytest.mark.parametrize(
    ("result", "field"),
    [
        ({}, "result.status"),
        ({"status": STARTED}, "result.status"),
        ({"status": CACHED, "result_json": "1"}, "result.status"),
        ({"status": SUCCESS, "result_json": "{"}, "result.result_json"),
        ({"status": SUCCESS, "result_json": '{"a":1,"a":2}'}, "result.result_json"),
        ({"status": SUCCESS, "result_json": "NaN"}, "result.result_json"),
        ({"status": SUCCESS, "result_json": json.dumps("x" * 99)}, "result.result_json"),
        ({"status": SUCCESS, "result_json": " " * 401}, "result.result_json"),
        ({"status": ERROR, "error_reason": "no <b>words</b>"}, "result.error_reason"),
        ({"status": ERROR, "result_json": "{}"}, "result.result_json"),
    ],
)
def test_what_is_no_report_is_refused_by_field(result: dict[str, Any], field: str) -> None:
    with pytest.raises(errors.BadRequest) as caught:
        _read(**result)
    assert [each.field for each in caught.value.violations] == [field]
