"""Reports of late results between protobuf and the domain."""

from __future__ import annotations

import re

from focal.toolbox.v1 import effect_pb2, tool_pb2, toolbox_service_pb2
from focal_kernel import canonical_json
from focal_kernel.errors import FieldViolation
from focal_toolbox import errors
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.report import Report
from focal_toolbox.transport import codec

UNSTATED = "provider_error"
"""Reason of a failure that names none."""

_REASON = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def report_from_proto(request: toolbox_service_pb2.ReportToolResultRequest, max_bytes: int) -> Report:
    """The report, whose result is JSON of at most `max_bytes` in canonical form; BadRequest otherwise.

    Words for people are not kept: a provider's text may hold what no conversation should.
    """
    result = request.result
    if result.status == tool_pb2.TOOL_STATUS_SUCCESS:
        return Report(State.DONE, result_json=_canonical(result.result_json, max_bytes))
    if result.status != tool_pb2.TOOL_STATUS_ERROR:
        raise _bad("result.status", "must be SUCCESS or ERROR")
    if result.result_json:
        raise _bad("result.result_json", "belongs to SUCCESS")
    reason = result.error_reason or UNSTATED
    if not _REASON.fullmatch(reason):
        raise _bad("result.error_reason", "must be a word of at most 64 letters, digits, '_', '.' and '-'")
    return Report(State.FAILED, error_reason=reason.lower())


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


def _canonical(text: str, max_bytes: int) -> str:
    # Cut off before it is parsed: canonical text is at most a few times shorter than what was written.
    if len(text.encode()) > 4 * max_bytes:
        raise _too_long(max_bytes)
    try:
        canonical = canonical_json.dumps(canonical_json.loads(text or "null"))
    except ValueError:
        raise _bad("result.result_json", "must be JSON") from None
    if len(canonical.encode()) > max_bytes:
        raise _too_long(max_bytes)
    return canonical


def _too_long(max_bytes: int) -> errors.BadRequest:
    return _bad("result.result_json", f"must be at most {max_bytes} bytes of canonical JSON")


def _bad(field: str, description: str) -> errors.BadRequest:
    return errors.BadRequest(FieldViolation(field, description))
