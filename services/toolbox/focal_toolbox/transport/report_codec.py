"""Reports of late results between protobuf and the domain."""

from __future__ import annotations

from focal.toolbox.v1 import effect_pb2, tool_pb2, toolbox_service_pb2
from focal_kernel.errors import FieldViolation
from focal_toolbox import errors
from focal_toolbox.domain import report
from focal_toolbox.domain.effect import Effect
from focal_toolbox.domain.report import Report
from focal_toolbox.transport import codec


def report_from_proto(request: toolbox_service_pb2.ReportToolResultRequest, max_bytes: int) -> Report:
    """The report, whose result is JSON of at most `max_bytes` in canonical form; BadRequest otherwise.

    Words for people are not kept: a provider's text may hold what no conversation should.
    """
    result = request.result
    if result.status == tool_pb2.TOOL_STATUS_SUCCESS:
        try:
            return report.done(result.result_json, max_bytes)
        except ValueError as wrong:
            raise _bad("result.result_json", str(wrong)) from None
    if result.status != tool_pb2.TOOL_STATUS_ERROR:
        raise _bad("result.status", "must be SUCCESS or ERROR")
    if result.result_json:
        raise _bad("result.result_json", "belongs to SUCCESS")
    try:
        return report.failed(result.error_reason)
    except ValueError as wrong:
        raise _bad("result.error_reason", str(wrong)) from None


def reported_to_proto(effect: Effect) -> effect_pb2.Effect:
    """What the holder of a token may see of the effect: nothing of the conversation."""
    whole = codec.effect_to_proto(effect)
    return effect_pb2.Effect(
        effect_id=whole.effect_id,
        effect_key=whole.effect_key,
        tool_name=whole.tool_name,
        state=whole.state,
        updated_at=whole.updated_at,
    )


def _bad(field: str, description: str) -> errors.BadRequest:
    return errors.BadRequest(FieldViolation(field, description))
