"""What is said and asked about effects in doubt, between protobuf and the domain."""

from __future__ import annotations

from collections.abc import Iterable

from focal.toolbox.v1 import effect_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal_kernel import canonical_json, ids
from focal_kernel.errors import FieldViolation
from focal_toolbox import errors
from focal_toolbox.domain.doubt import RESOLVED, Checked, Finding, Statement
from focal_toolbox.domain.effect import Effect, Resolution, State
from focal_toolbox.transport import codec

MAX_REASON_CHARS = 500
MAX_RESULT_BYTES = 64 * 1024
"""As arguments may have."""

_STATES = {effect_pb2.EFFECT_STATE_DONE: State.DONE, effect_pb2.EFFECT_STATE_FAILED: State.FAILED}
_FINDINGS = {
    Finding.HAPPENED: pb.CHECK_FINDING_HAPPENED,
    Finding.ABSENT: pb.CHECK_FINDING_ABSENT,
    Finding.UNKNOWN: pb.CHECK_FINDING_UNKNOWN,
}


def statement_from_proto(tenant_id: str, resolved_by: str, request: pb.ResolveEffectRequest) -> Statement:
    """A person's word; BadRequest or InvalidArgument INVALID_ID when it is malformed."""
    effect_id = ids.check_id(request.effect_id, "effect_id")
    request_id = ids.check_foreign_id(request.request_id, "request_id")
    if request.state not in _STATES:
        raise _bad("state", "must be DONE or FAILED")
    state = _STATES[request.state]
    if not request.reason.strip() or len(request.reason) > MAX_REASON_CHARS:
        raise _bad("reason", f"must be 1 to {MAX_REASON_CHARS} characters")
    result_json = _result(state, request.result_json)
    return Statement(
        tenant_id,
        effect_id,
        state,
        result_json=result_json,
        error_reason="" if state is State.DONE else RESOLVED,
        resolved_by=resolved_by,
        reason=request.reason,
        request_id=request_id,
        content_hash=ids.digest("resolve", effect_id, state, result_json, request.reason),
    )


def checked_to_proto(checked: Checked) -> pb.CheckEffectResponse:
    """What a check came to."""
    return pb.CheckEffectResponse(
        effect=codec.effect_to_proto(checked.effect),
        finding=_FINDINGS[checked.finding],
        error_reason=checked.reason,
        message=checked.message,
    )


def shown_to_proto(effect: Effect, said: Iterable[Resolution]) -> pb.GetEffectResponse:
    """An effect with all that was said about it."""
    return pb.GetEffectResponse(
        effect=codec.effect_to_proto(effect), resolutions=map(codec.resolution_to_proto, said)
    )


def _result(state: State, text: str) -> str:
    if not text:
        return ""
    if state is not State.DONE:
        raise _bad("result_json", "must be empty unless the state is DONE")
    if len(text.encode()) > MAX_RESULT_BYTES:
        raise _bad("result_json", f"must be at most {MAX_RESULT_BYTES} bytes")
    try:
        return canonical_json.dumps(canonical_json.loads(text))
    except ValueError as error:
        raise _bad("result_json", f"must be JSON: {str(error)[:200]}") from None


def _bad(field: str, description: str) -> errors.BadRequest:
    return errors.BadRequest(FieldViolation(field, description))
